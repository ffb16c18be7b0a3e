import { createIdempotency } from "onceonly";
import type { BenchDatabase, DatabaseKind, Servers } from "../databases/database.ts";
import type { Growth, Size } from "../results.ts";
import { inTurn, type Runner } from "../rounds.ts";
import type { Settings } from "../settings.ts";
import { place, workOf } from "../shop.ts";
import { ratioOf } from "../stats.ts";
import { type Filled, fill, requestOf } from "./filled.ts";

const CONCURRENCY = 8;

/** The same claims and replays over tables of different sizes, in turn. All are filled first, as users' would be. */
export async function measureGrowth(
  kind: DatabaseKind,
  servers: Servers,
  settings: Settings,
  say: (line: string) => void,
): Promise<{ growth: Growth[]; size: Size[] }> {
  const open: BenchDatabase[] = [];
  try {
    return await overTables(kind, servers, settings, say, open);
  } finally {
    for (const database of open) await database[Symbol.asyncDispose]();
  }
}

async function overTables(
  kind: DatabaseKind,
  servers: Servers,
  settings: Settings,
  say: (line: string) => void,
  open: BenchDatabase[],
): Promise<{ growth: Growth[]; size: Size[] }> {
  const filled: Filled[] = [];
  const size: Size[] = [];
  for (const records of settings.growth) {
    const database = await kind.open(servers);
    open.push(database);
    if (database.records === undefined) return { growth: [], size: [] };
    say(`${database.name}: filling ${records} records`);
    const prisma = await database.openPrisma({ namedStatements: settings.namedStatements });
    filled.push(await fill(database, database.records, prisma, records));
    const { table, indexes } = await database.records.bytes();
    const how = "filled and vacuumed, indexes 70 % full";
    size.push({ database: database.name, how, records, tableBytes: table, indexBytes: indexes });
  }
  say(`${kind.name}: claims and replays over them`);
  const claims = await inTurn(filled.map(claiming), CONCURRENCY, settings);
  const replays = await inTurn(filled.map(replaying), CONCURRENCY, settings);
  const smallest = String(filled[0]?.records);
  const perSecond = (rounds: typeof claims, records: string) =>
    (rounds.get(records) ?? []).map((round) => round.perSecond);
  const growth = filled.map(({ records, fillSeconds }) => ({
    records,
    fillSeconds,
    claims: claims.get(String(records)) ?? [],
    replays: replays.get(String(records)) ?? [],
    claimRatio: ratioOf(perSecond(claims, String(records)), perSecond(claims, smallest)),
    replayRatio: ratioOf(perSecond(replays, String(records)), perSecond(replays, smallest)),
  }));
  return { growth, size };
}

function claiming({ records, prisma }: Filled): Runner {
  const idempotency = createIdempotency({ prisma });
  let next = 0;
  return {
    name: String(records),
    operation: () => {
      next += 1;
      const key = `fresh-${next}`;
      return idempotency.run(requestOf(key), ({ tx }) => place(tx, key, workOf("one")));
    },
  };
}

function replaying({ records, prisma, known }: Filled): Runner {
  const idempotency = createIdempotency({ prisma });
  return {
    name: String(records),
    operation: async () => {
      const key = known[Math.floor(Math.random() * known.length)]?.key ?? "";
      const { replayed } = await idempotency.run(requestOf(key), async () => null);
      if (!replayed) throw new Error("executed a key that has a record");
    },
  };
}
