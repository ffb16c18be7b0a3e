import { createIdempotency } from "onceonly";
import type { Client, DatabaseKind, Servers } from "../databases/database.ts";
import type { Prune } from "../results.ts";
import type { Settings } from "../settings.ts";
import { median } from "../stats.ts";
import { sampleRecord } from "./filled.ts";

const ROUNDS = 3;

/** Prunes the expired half of a table, with the batches as they are by default. */
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
    const pruned = await createIdempotency({ prisma: client }).prune();
    const elapsed = (performance.now() - begin) / 1_000;
    if (pruned !== count) throw new Error(`pruned ${pruned} records of ${count} that are expired`);
    rounds.push({
      rowsPerSecond: pruned / elapsed,
      batches: durations.length,
      batchP50Ms: median(durations),
      batchMaxMs: Math.max(...durations),
    });
  }
  return [{ expired: count, kept: count, rounds }];
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
