/** The brokers that the suites need. One that is missing leaves its suites out, with a word; in CI it is a failure. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect as connectNats } from "@nats-io/transport-node";
import { connect as connectRabbit } from "amqplib";

export const RABBITMQ_URL = process.env["TEST_RABBITMQ_URL"] ?? "amqp://127.0.0.1:5672";
export const NATS_URL = process.env["TEST_NATS_URL"] ?? "nats://127.0.0.1:4222";

async function isThere(name: string, remedy: string, probe: () => Promise<unknown>): Promise<boolean> {
  try {
    await probe();
    return true;
  } catch (cause) {
    const message = `LEFT OUT: the suites of ${name}. To run them: ${remedy}`;
    if (process.env["CI"]) throw new Error(message, { cause });
    process.stderr.write(`${message}\n`);
    return false;
  }
}

export const rabbitmqIsThere = () =>
  isThere("RabbitMQ", `start it at ${RABBITMQ_URL}, or set TEST_RABBITMQ_URL`, async () =>
    (await connectRabbit(RABBITMQ_URL)).close(),
  );

export const natsIsThere = () =>
  isThere("NATS", `start nats-server -js at ${NATS_URL}, or set TEST_NATS_URL`, async () =>
    (await connectNats({ servers: NATS_URL, timeout: 20_000, maxReconnectAttempts: 0 })).close(),
  );

export const kcatIsThere = () =>
  isThere("Kafka", "apt-get install kcat", async () => {
    const kcat = spawn("kcat", ["-V"], { stdio: "ignore" });
    await once(kcat, "exit");
  });

export const redisIsThere = () =>
  isThere("Redis", "apt-get install redis-server", async () => {
    const redis = spawn("redis-server", ["--version"], { stdio: "ignore" });
    await once(redis, "exit");
  });

export interface KafkaCluster extends AsyncDisposable {
  brokers: string[];
}

/** The mock cluster that librdkafka has inside, on free ports: Kafka's protocol without Kafka. */
export async function startKafka(): Promise<KafkaCluster> {
  // It serves as long as this consumer of a topic of its own runs.
  const args = [
    "-b",
    "mock",
    "-X",
    "test.mock.num.brokers=3",
    "-d",
    "broker",
    "-C",
    "-t",
    "keep-alive",
    "-p",
    "0",
  ];
  const kcat = spawn("kcat", args, { stdio: ["ignore", "ignore", "pipe"] });
  const stop = async () => {
    if (kcat.exitCode === null && kcat.signalCode === null) {
      kcat.kill("SIGKILL");
      await once(kcat, "exit");
    }
  };
  return { brokers: await addressesOf(kcat), [Symbol.asyncDispose]: stop };
}

async function addressesOf(kcat: ChildProcess): Promise<string[]> {
  let log = "";
  return new Promise((resolve, reject) => {
    kcat.once("error", reject);
    kcat.once("exit", (code) => reject(new Error(`kcat ended with code ${code}\n${log}`)));
    kcat.stderr?.on("data", (chunk) => {
      log += String(chunk);
      const addresses = /replaced with ([\d.:,]+)/.exec(log)?.[1];
      if (addresses !== undefined) resolve(addresses.split(","));
    });
  });
}
