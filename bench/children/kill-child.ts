/** A process that runs one mutation, stops where it is told, and is killed there; or one that retries. */
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort } from "../../test/support/worker.ts";
import type { ContenderName, Environment } from "../contenders/contender.ts";
import { loadContender } from "../contenders/load.ts";
import { databases } from "../databases/index.ts";
import { errorName } from "../load.ts";
import { workOf } from "../shop.ts";

export interface KillChildData {
  contender: ContenderName;
  database: string;
  url: string;
  redis: string | undefined;
  executor: string;
}

export type KillChildDown = {
  type: "run";
  key: string;
  stopAt: "inside" | "committed" | undefined;
  patienceMs: number;
};

export type KillChildUp =
  | { type: "ready" }
  | { type: "stopped" }
  | { type: "answered"; firstAnswer: string; lastAnswer: string; answeredMs: number; attempts: number };

const PAUSE_MS = 100;

const port = await parentPort<KillChildData, KillChildUp, KillChildDown>();
const { contender: name, database, url, redis, executor } = port.data;
const kind = databases.find((each) => each.name === database);
if (kind === undefined) throw new Error(`nothing known of ${database}`);
const prisma = await kind.connect(url);
const environment: Environment = {
  database: { name: kind.name, url },
  prisma,
  raw: await kind.connectRaw(url),
  redis,
  executor,
};
const opened = await (await loadContender(name)).open(environment);
await prisma.account.count();
port.send({ type: "ready" });

const { key, stopAt, patienceMs } = await port.waitFor("run");
const forGood = new Promise<never>(() => {});
const stop = () => {
  port.send({ type: "stopped" });
  return forGood;
};
if (stopAt !== undefined) {
  await opened.run(key, workOf("one", stopAt === "inside" ? { begin: stop } : { committed: stop }));
}

const begin = performance.now();
let firstAnswer: string | undefined;
let lastAnswer = "";
let attempts = 0;
do {
  attempts += 1;
  lastAnswer = await attempt();
  firstAnswer ??= `${lastAnswer} after ${Math.round(performance.now() - begin)} ms`;
  if (lastAnswer === "the result" || lastAnswer === "no answer") break;
  await sleep(PAUSE_MS);
} while (performance.now() - begin < patienceMs);
port.send({ type: "answered", firstAnswer, lastAnswer, answeredMs: performance.now() - begin, attempts });

async function attempt(): Promise<string> {
  const answer = opened.run(key, workOf("one")).then(
    () => "the result",
    (error: unknown) => errorName(error),
  );
  return Promise.race([answer, sleep(patienceMs, "no answer")]);
}
