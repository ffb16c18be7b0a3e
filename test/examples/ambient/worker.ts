/** A process of an example, told by IPC what to send to it and where to stop. */
import { adapterFor, type ClientTarget } from "../../support/clients.ts";
import type { ExampleProvider } from "../../support/providers.ts";
import { type ParentPort, parentPort, spawnWorker, type Worker } from "../../support/worker.ts";
import type { Answer, Example } from "./example.ts";
import { pothos } from "./pothos.ts";
import { services } from "./services.ts";
import { stoppable } from "./stops.ts";
import { t3 } from "./t3.ts";

interface WorkerData {
  example: Example["name"];
  target: ClientTarget;
}

export interface Requests {
  type: "send";
  /** One request for each, all at once. */
  requests: { key: string; fails?: boolean }[];
  /** The number of the statement before which to stop for ever. */
  stopBefore?: number;
}

type FromExample =
  | { type: "ready" }
  /** The first statement is about to be sent. */
  | { type: "began" }
  | { type: "stopped"; statement: string }
  | { type: "answered"; answers: Answer[]; statements: string[] };

export type ExampleWorker = Worker<FromExample, Requests>;

/** In the parent: starts one that is connected. */
export async function startExample(data: WorkerData): Promise<ExampleWorker> {
  const worker = spawnWorker<FromExample, Requests>(new URL("process.ts", import.meta.url), data);
  await worker.waitFor("ready");
  return worker;
}

/** In the child. */
export async function runExample(): Promise<void> {
  const port: ParentPort<WorkerData, Requests, FromExample> = await parentPort();
  const { example, target } = port.data;
  const { clients, load } = { t3, pothos, services }[example];
  let statements: string[] = [];
  let stopBefore: number | undefined;
  const adapter = stoppable(adapterFor(target), async (statement) => {
    statements.push(statement);
    if (statements.length === 1) port.send({ type: "began" });
    if (statements.length - 1 !== stopBefore) return;
    port.send({ type: "stopped", statement });
    await new Promise(() => {});
  });
  const { PrismaClient } = (await clients[target.provider as ExampleProvider]()) as {
    PrismaClient: AnyClient;
  };
  // Many wait for few connections here, on a machine that is busy.
  const client = new PrismaClient({ adapter, transactionOptions: { maxWait: 120_000, timeout: 120_000 } });
  // Where the examples keep theirs over the reloads of a development server.
  Object.assign(globalThis, { prisma: client });
  const send = await load();
  // Has it connect. An element that is there already keeps this from being told as the first.
  statements.push("");
  await client.$queryRawUnsafe("SELECT 1");
  port.send({ type: "ready" });
  for (;;) {
    const command = await port.waitFor("send");
    statements = [];
    ({ stopBefore } = command);
    const sent = command.requests.map(({ key, fails = false }) => send(key, fails).catch(failed));
    const answers = await Promise.all(sent);
    port.send({ type: "answered", answers, statements });
  }
}

const failed = (error: unknown): Answer => ({
  id: undefined,
  error: String(error),
  replayed: false,
  body: undefined,
});

type AnyClient = new (options: object) => { $queryRawUnsafe(query: string): Promise<unknown> };
