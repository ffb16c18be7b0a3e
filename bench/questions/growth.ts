import { createIdempotency } from "onceonly";
import { recordId } from "../../src/core/request/identity.ts";
import { INPUT, OPERATION, SCOPE } from "../contenders/onceonly.ts";
import type {
  BenchDatabase,
  Client,
  DatabaseKind,
  FillParams,
  RecordTable,
  Servers,
} from "../databases/database.ts";
import type { Growth, Size } from "../results.ts";
import { inTurn, type Runner } from "../rounds.ts";
import type { Settings } from "../settings.ts";
import { place, workOf } from "../shop.ts";
import { ratioOf } from "../stats.ts";

const CONCURRENCY = 8;
/** Of each table, the records that are replayed: spread over all of it. */
const REPLAYED = 50_000;

interface Filled {
  readonly records: number;
  readonly fillSeconds: number;
  readonly prisma: Client;
  readonly keys: readonly string[];
}

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

const requestOf = (key: string) => ({ operation: OPERATION, scope: SCOPE, key, input: INPUT });

async function fill(
  database: BenchDatabase,
  table: RecordTable,
  prisma: Client,
  records: number,
): Promise<Filled> {
  const begin = performance.now();
  const sample = await sampleRecord(database, prisma);
  const count = Math.min(REPLAYED, records);
  const keys = Array.from({ length: count }, (_, index) => `known-${index}`);
  const step = Math.floor(records / count);
  const known = keys.map((key, index) => ({
    position: (index + 1) * step,
    key,
    // Of the sources: the package tells nobody how ids are made. That it is still so is checked below.
    id: recordId({ scope: SCOPE, operation: OPERATION, key }),
  }));
  await database.empty();
  await table.insert({ count: records, expired: 0, known, sample });
  await table.settle();
  const { replayed } = await createIdempotency({ prisma }).run(
    requestOf(keys[count - 1] ?? ""),
    async () => null,
  );
  if (!replayed) throw new Error("a record that was filled in is not found by its key");
  return { records, fillSeconds: (performance.now() - begin) / 1_000, prisma, keys };
}

/** A finished record, as the library writes it. */
export async function sampleRecord(database: BenchDatabase, prisma: Client): Promise<FillParams["sample"]> {
  await createIdempotency({ prisma }).run(requestOf("sample"), ({ tx }) =>
    place(tx, "sample", workOf("one")),
  );
  const [row] = await database.query(
    `SELECT fingerprint, response FROM idempotency_record WHERE key = 'sample'`,
  );
  const { fingerprint, response } = row ?? {};
  return { scope: SCOPE, operation: OPERATION, fingerprint: String(fingerprint), response: String(response) };
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

function replaying({ records, prisma, keys }: Filled): Runner {
  const idempotency = createIdempotency({ prisma });
  return {
    name: String(records),
    operation: async () => {
      const key = keys[Math.floor(Math.random() * keys.length)] ?? "";
      const { replayed } = await idempotency.run(requestOf(key), async () => null);
      if (!replayed) throw new Error("executed a key that has a record");
    },
  };
}
