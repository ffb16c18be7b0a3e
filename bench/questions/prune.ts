import { createIdempotency } from "onceonly";
import type { Client, DatabaseKind, Servers } from "../databases/database.ts";
import { openServer } from "../fleets.ts";
import type { Prune } from "../results.ts";
import type { Settings } from "../settings.ts";
import { median, percentile } from "../stats.ts";
import { sampleRecord } from "./filled.ts";

const ROUNDS = 3;

/** Prunes the expired half of a table without a rest between batches; then beside traffic, as it does by default. */
export async function measurePrune(
  kind: DatabaseKind,
  servers: Servers,
  settings: Settings,
  say: (line: string) => void,
): Promise<Prune[]> {
  const count = settings.prune;
  const rounds: Prune["rounds"][number][] = [];
  for (let round = 0; round < (settings.mode === "smoke" ? 1 : ROUNDS); round += 1) {
    await using database = await kind.open(servers);
    if (database.records === undefined) return [];
    say(`${database.name}: filling ${count * 2} records, and pruning ${count}`);
    const prisma = await database.openPrisma({ namedStatements: settings.namedStatements });
    const sample = await sampleRecord(database, prisma);
    await database.empty();
    await database.records.insert({ count: count * 2, expired: count, known: [], sample });
    await database.records.settle();

    const { client, durations } = timed(prisma);
    const begin = performance.now();
    const pruned = await createIdempotency({ prisma: client }).prune({ dutyCycle: 1 });
    const elapsed = (performance.now() - begin) / 1_000;
    if (pruned !== count) throw new Error(`pruned ${pruned} records of ${count} that are expired`);
    rounds.push({
      rowsPerSecond: pruned / elapsed,
      batches: durations.length,
      batchP50Ms: median(durations),
      batchMaxMs: Math.max(...durations),
    });
  }
  const beside: Prune["beside"][number][] = [];
  for (let round = 0; round < (settings.mode === "smoke" ? 1 : ROUNDS); round += 1) {
    const measured = await besideTraffic(kind, servers, settings, say);
    if (measured !== undefined) beside.push(measured);
  }
  return [{ expired: count, kept: count, rounds, beside }];
}

const CALLERS = 4;

/** Fresh keys by another process, first alone and then while two pruners delete as they do by default. */
async function besideTraffic(
  kind: DatabaseKind,
  servers: Servers,
  settings: Settings,
  say: (line: string) => void,
): Promise<Prune["beside"][number] | undefined> {
  const seconds = settings.mode === "smoke" ? 1 : 10;
  const count = settings.prune;
  await using database = await kind.open(servers);
  if (database.records === undefined) return undefined;
  say(`${database.name}: filling ${count} records, and pruning them beside fresh keys`);
  const clients = await Promise.all(
    [1, 2].map(() => database.openPrisma({ namedStatements: settings.namedStatements })),
  );
  const [prisma] = clients;
  if (prisma === undefined) throw new Error("no client");
  const sample = await sampleRecord(database, prisma);
  await database.empty();
  await database.records.insert({ count, expired: count, known: [], sample });
  await database.records.settle();
  await using server = await openServer(database, settings);
  const load = async (keys: string) => {
    server.worker.send({ type: "run", contender: "onceonly", keys, concurrency: CALLERS, seconds });
    const { sample: taken } = await server.worker.waitFor("done");
    const latencies = taken.latenciesMs.toSorted((a, b) => a - b);
    return { p50Ms: percentile(latencies, 0.5), p99Ms: percentile(latencies, 0.99) };
  };
  await load("warm");
  const alone = await load("alone");
  const stop = new AbortController();
  const pruning = clients.map((client) =>
    createIdempotency({ prisma: client }).prune({ signal: stop.signal }),
  );
  const meanwhile = await load("meanwhile");
  stop.abort();
  const deleted = (await Promise.all(pruning)).reduce((sum, each) => sum + each, 0);
  return { alone, meanwhile, deleted, seconds };
}

const SENDING = ["$executeRawUnsafe", "$queryRawUnsafe", "$transaction"] as const;

/** The client, with how long each call to the database took: a batch is one. */
function timed(prisma: Client): { readonly client: Client; readonly durations: number[] } {
  const durations: number[] = [];
  const client = new Proxy(prisma, {
    get(target, property, receiver) {
      // Statements of onceonly's own would go to the client that this one stands for.
      if (property === "_originalClient") return undefined;
      const value: unknown = Reflect.get(target, property, receiver);
      if (typeof value !== "function" || !SENDING.some((name) => name === property)) return value;
      return async (...values: unknown[]) => {
        const begin = performance.now();
        try {
          return (await value.apply(target, values)) as unknown;
        } finally {
          durations.push(performance.now() - begin);
        }
      };
    },
  });
  return { client, durations };
}
