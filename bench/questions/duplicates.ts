import { setTimeout as sleep } from "node:timers/promises";
import { gate } from "../../test/support/gate.ts";
import type { Arena, Entrant } from "../arena.ts";
import { errorName } from "../load.ts";
import type { Duplicates, OtherQueries } from "../results.ts";
import { workOf } from "../shop.ts";
import { median, percentile, ratioOf } from "../stats.ts";

const CALLS = 100;
const HANDLER_MS = 300;

/** One key, called a hundred times at once, whose handler takes its time. */
export async function measureDuplicates(arena: Arena, entrant: Entrant): Promise<Duplicates> {
  const { database, environment } = arena;
  const { contender } = entrant;
  await database.empty();
  // Connections are opened by who needs them first; that is not what is asked here.
  await Promise.all(Array.from({ length: 20 }, () => environment.prisma.account.count()));
  const before = await arena.count(contender.name);
  const key = arena.freshKey(contender.name);
  const begin = performance.now();
  let lastAnswerMs = 0;
  const calls = Array.from({ length: CALLS }, async () => {
    try {
      return await entrant.run(key, workOf("one", { begin: () => sleep(HANDLER_MS) }));
    } finally {
      lastAnswerMs = Math.max(lastAnswerMs, performance.now() - begin);
    }
  });
  const settling = Promise.allSettled(calls);
  await sleep(HANDLER_MS / 6);
  const busyConnections = await mostBusy(arena, HANDLER_MS / 2, contender.name === "dbos");
  const sent = performance.now();
  await environment.prisma.account.findUnique({ where: { id: "a0" } }).catch(() => {});
  const otherQueryMs = performance.now() - sent;

  const settled = await settling;
  const errors: Record<string, number> = {};
  const ids: string[] = [];
  for (const outcome of settled) {
    if (outcome.status === "fulfilled") ids.push(outcome.value.id);
    else errors[errorName(outcome.reason)] = (errors[errorName(outcome.reason)] ?? 0) + 1;
  }
  const first = ids[0];
  const sameResult = ids.filter((id) => id === first).length;
  return {
    database: database.name,
    contender: contender.name,
    title: contender.title,
    executions: (await arena.count(contender.name)).executions - before.executions,
    sameResult,
    otherResults: ids.length - sameResult,
    errors,
    lastAnswerMs,
    otherQueryMs,
    busyConnections,
  };
}

async function mostBusy({ database }: Arena, forMs: number, all = false): Promise<number | null> {
  if (database.server === undefined) {
    await sleep(forMs);
    return null;
  }
  let most = 0;
  for (const end = performance.now() + forMs; performance.now() < end; await sleep(10)) {
    most = Math.max(most, await database.server.busyConnections(all));
  }
  return most;
}

/** Many unrelated queries, one after the other, while nothing happens and while 99 duplicates wait for their first. */
export async function measureOtherQueries(
  arena: Arena,
  entrant: Entrant,
  rounds: number,
  secondsEach: number,
): Promise<OtherQueries> {
  const idle: OtherQueries["idle"][number][] = [];
  const busy: OtherQueries["busy"][number][] = [];
  const connections: number[] = [];
  await arena.database.empty();
  await queriesFor(arena, secondsEach);
  for (let round = 0; round < rounds; round += 1) {
    const duringStorm = async () => {
      const { opened, open } = gate();
      const begun = gate();
      const begin = () => {
        begun.open();
        return opened;
      };
      const key = arena.freshKey(entrant.contender.name);
      const calls = Array.from({ length: CALLS }, () => entrant.run(key, workOf("one", { begin })));
      await begun.opened;
      connections.push(Math.max(0, ((await mostBusy(arena, 50)) ?? 0) - 1));
      busy.push(await queriesFor(arena, secondsEach));
      open();
      await Promise.all(calls);
    };
    if (round % 2 === 0) idle.push(await queriesFor(arena, secondsEach));
    await duringStorm();
    if (round % 2 === 1) idle.push(await queriesFor(arena, secondsEach));
  }
  const p99 = (each: readonly { readonly p99Ms: number }[]) => each.map(({ p99Ms }) => p99Ms);
  return { database: arena.database.name, idle, busy, ratio: ratioOf(p99(busy), p99(idle)), connections };
}

async function queriesFor({ environment }: Arena, seconds: number) {
  const latencies: number[] = [];
  for (const end = performance.now() + seconds * 1_000; performance.now() < end; ) {
    const sent = performance.now();
    await environment.prisma.account.findUnique({ where: { id: "a0" } });
    latencies.push(performance.now() - sent);
  }
  latencies.sort((a, b) => a - b);
  return { samples: latencies.length, p50Ms: median(latencies), p99Ms: percentile(latencies, 0.99) };
}
