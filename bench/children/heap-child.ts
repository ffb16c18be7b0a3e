/** Holds many runs in flight, and says what they take of the heap. */
import { setTimeout as sleep } from "node:timers/promises";
import { createIdempotency } from "onceonly";
import { gate } from "../../test/support/gate.ts";
import { parentPort } from "../../test/support/worker.ts";
import { collect } from "../collect.ts";
import { INPUT, OPERATION, SCOPE } from "../contenders/onceonly.ts";
import { databases } from "../databases/index.ts";
import { place, workOf } from "../shop.ts";

export interface HeapChildData {
  database: string;
  url: string;
  pool: number;
  inHandler: number;
  queued: number;
  rounds: number;
}

/** `bare` has no meaning in mode lease, where nothing is held: it is 0 there. */
export type HeapChildUp = {
  type: "measured";
  findings: {
    mode: string;
    state: "in the handler" | "queued";
    runs: number;
    bare: number[];
    onceonly: number[];
  }[];
};

const port = await parentPort<HeapChildData, HeapChildUp>();
const { database, url, pool, inHandler, queued, rounds } = port.data;
const kind = databases.find(({ name }) => name === database);
if (kind === undefined) throw new Error(`nothing known of ${database}`);
const prisma = await kind.connect(url, { pool });
const patient = { maxWait: 120_000, timeout: 120_000 };
const idempotency = createIdempotency({ prisma, transaction: { maxWaitMs: 120_000, timeoutMs: 120_000 } });

let keys = 0;
const freshKey = () => `heap:${process.pid}:${(keys += 1)}`;

/** A run whose handler says that it has begun and waits for `opened`. */
type Run = (key: string, begin: () => Promise<void>) => Promise<unknown>;

const bare: Run = (key, begin) =>
  prisma.$transaction((tx) => place(tx, key, workOf("one", { begin })), patient);
const transaction: Run = (key, begin) =>
  idempotency.run({ operation: OPERATION, scope: SCOPE, key, input: INPUT }, ({ tx }) =>
    place(tx, key, workOf("one", { begin })),
  );
const lease: Run = (key, begin) =>
  idempotency.runLeased(
    { operation: OPERATION, scope: SCOPE, key, input: INPUT },
    async ({ transaction: step }) => {
      await begin();
      return step("place", ({ tx }) => place(tx, key, workOf("one")));
    },
  );
const nothing: Run = (_key, begin) => begin();

async function heapNow(): Promise<number> {
  for (let pass = 0; pass < 3; pass += 1) {
    await collect();
  }
  return process.memoryUsage().heapUsed;
}

/** Bytes for each of `runs` in flight, once `begun` of them are in their handlers. */
async function bytesOf(run: Run, runs: number, begun: number): Promise<number> {
  const before = await heapNow();
  const { opened, open } = gate();
  const allBegun = gate();
  let toCome = begun;
  const begin = () => {
    toCome -= 1;
    if (toCome === 0) allBegun.open();
    return opened;
  };
  const inFlight = Array.from({ length: runs }, () => run(freshKey(), begin));
  await allBegun.opened;
  await sleep(20);
  const bytes = ((await heapNow()) - before) / runs;
  open();
  await Promise.all(inFlight);
  return bytes;
}

async function inTurn(
  mode: string,
  state: "in the handler" | "queued",
  runs: number,
  ours: Run,
  theirs: Run,
) {
  const begun = state === "queued" ? Math.min(pool, runs) : runs;
  const finding = { mode, state, runs, bare: [] as number[], onceonly: [] as number[] };
  // The first ones fill caches that stay.
  for (const run of [theirs, ours]) await bytesOf(run, runs, begun);
  for (let round = 0; round < rounds; round += 1) {
    finding.bare.push(await bytesOf(theirs, runs, begun));
    finding.onceonly.push(await bytesOf(ours, runs, begun));
  }
  return finding;
}

port.send({
  type: "measured",
  findings: [
    await inTurn("onceonly", "in the handler", inHandler, transaction, bare),
    await inTurn("onceonly", "queued", queued, transaction, bare),
    await inTurn("onceonly-lease", "in the handler", queued, lease, nothing),
  ],
});
