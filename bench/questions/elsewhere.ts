import { createIdempotency } from "onceonly";
import type { DatabaseKind, Servers } from "../databases/database.ts";
import type { Throughput } from "../results.ts";
import { inTurn } from "../rounds.ts";
import type { Settings } from "../settings.ts";
import { ratioOf } from "../stats.ts";
import { fill, requestOf } from "./filled.ts";
import { FIND } from "./throughput.ts";

const RECORDS = { full: 50_000, quick: 10_000, smoke: 500 } as const;
const CONCURRENCY = 8;

/** Retries that land in a process which has never seen the record: each key is asked for once. */
export async function measureElsewhere(
  kind: DatabaseKind,
  servers: Servers,
  settings: Settings,
): Promise<Throughput[]> {
  if (!settings.contenders.includes("onceonly")) return [];
  await using database = await kind.open(servers);
  if (database.records === undefined) return [];
  const prisma = await database.openPrisma({ namedStatements: settings.namedStatements });
  const { known } = await fill(database, database.records, prisma, RECORDS[settings.mode]);
  let idempotency = createIdempotency({ prisma });
  let asked = 0;
  const replay = async () => {
    if (asked === known.length) {
      // What this process remembers of finished records goes with the instance: the next one has seen none.
      asked = 0;
      idempotency = createIdempotency({ prisma });
    }
    const key = known[asked]?.key ?? "";
    asked += 1;
    const { replayed } = await idempotency.run(requestOf(key), async () => null);
    if (!replayed) throw new Error("executed a key that has a record");
  };
  let found = 0;
  const find = async () => {
    found = (found + 1) % known.length;
    const id = known[found]?.id ?? "";
    await prisma.idempotencyRecord.findUniqueOrThrow({ where: { id } });
  };
  const runners = [
    { name: "onceonly", title: "onceonly", operation: replay },
    { name: FIND, title: "findUnique of the row", operation: find },
  ];
  const results = await inTurn(runners, CONCURRENCY, settings, database.server?.cpuMicros);
  const roundsOf = (name: string) => results.get(name) ?? [];
  const perSecond = (name: string) => roundsOf(name).map((round) => round.perSecond);
  const contenders = runners.map(({ name, title }) => ({
    name,
    title,
    rounds: roundsOf(name),
    ratio: ratioOf(perSecond(name), perSecond(FIND)),
    keys: 0,
    executions: 0,
  }));
  const { namedStatements } = settings;
  const cell = { work: "one", load: "elsewhere", concurrency: CONCURRENCY } as const;
  return [{ database: database.name, ...cell, namedStatements, contenders }];
}
