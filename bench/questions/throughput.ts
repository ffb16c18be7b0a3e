import type { Arena, Entrant } from "../arena.ts";
import { times } from "../load.ts";
import type { LoadName, Measured, Throughput } from "../results.ts";
import { inTurn, type Runner } from "../rounds.ts";
import type { Settings } from "../settings.ts";
import { type WorkName, workOf } from "../shop.ts";
import { ratioOf } from "../stats.ts";

export interface Cell {
  /** Leave the others out, to save time. */
  readonly only?: readonly string[];
  readonly work: WorkName;
  readonly load: LoadName;
  readonly concurrency: number;
}

/** Of the load "mixed", the calls that are new; the others are retries of mutations that have finished. */
const FRESH_SHARE = 0.9;

/** A bare look-up of the row that a replay reads: the limit for replays through Prisma. */
export const FIND = "find";

export async function measureThroughput(
  arena: Arena,
  { work, load, concurrency, only }: Cell,
  settings: Settings,
  namedStatements: boolean,
): Promise<Throughput> {
  await arena.database.empty();
  const entrants = arena.entrants.filter(
    ({ contender: { name, replays } }) => (load !== "replay" || replays) && (only?.includes(name) ?? true),
  );
  const used = new Map<string, number>();
  const runners: Runner[] = [];
  for (const entrant of entrants) {
    const { name, replays } = entrant.contender;
    const fresh = () => {
      used.set(name, (used.get(name) ?? 0) + 1);
      return entrant.run(arena.freshKey(name), workOf(work));
    };
    if (load === "fresh" || !replays) {
      runners.push({ name, operation: fresh });
      continue;
    }
    const replay = await replaysOf(arena, entrant, work, settings.replayedKeys);
    used.set(name, settings.replayedKeys);
    const mixed = () => (Math.random() < FRESH_SHARE ? fresh() : replay());
    runners.push({ name, operation: load === "replay" ? replay : mixed });
  }
  if (load === "replay" && entrants.some(({ contender }) => contender.name === "onceonly")) {
    runners.push({ name: FIND, operation: await find(arena) });
  }

  const results = await inTurn(runners, concurrency, settings, arena.database.server?.cpuMicros);
  const basis = results.get(load === "replay" ? FIND : "bare");
  const contenders: Measured[] = [];
  for (const [name, rounds] of results) {
    const contender = entrants.find((entrant) => entrant.contender.name === name)?.contender;
    const perSecond = rounds.map((round) => round.perSecond);
    contenders.push({
      name,
      title: contender?.title ?? "findUnique of the row",
      rounds,
      ratio:
        basis === undefined
          ? null
          : ratioOf(
              perSecond,
              basis.map((round) => round.perSecond),
            ),
      keys: used.get(name) ?? 0,
      executions: contender === undefined ? 0 : (await arena.count(contender.name)).executions,
    });
  }
  return { database: arena.database.name, work, load, concurrency, namedStatements, contenders };
}

/** Calls whose mutation has finished before, one key after the other. */
async function replaysOf(
  arena: Arena,
  { contender, run }: Entrant,
  work: WorkName,
  count: number,
): Promise<() => Promise<unknown>> {
  const keys = Array.from({ length: count }, () => arena.freshKey(contender.name));
  await times(count, 8, (index) => run(keys[index] ?? "", workOf(work)));
  let next = 0;
  return () => {
    next = (next + 1) % count;
    return run(keys[next] ?? "", workOf(work));
  };
}

async function find({ database, environment }: Arena): Promise<() => Promise<unknown>> {
  const rows = await database.query(`SELECT "id" FROM "idempotency_record" WHERE "key" LIKE '%:onceonly:%'`);
  const ids = rows.map((row) => String(row["id"]));
  let next = 0;
  return () => {
    next = (next + 1) % ids.length;
    return environment.prisma.idempotencyRecord.findUnique({ where: { id: ids[next] ?? "" } });
  };
}

/** What is measured, the most telling first. */
export function cellsOf(settings: Settings, database: string): Cell[] {
  const { mode, concurrencies } = settings;
  const at = (work: WorkName, load: LoadName, levels: readonly number[]) =>
    levels
      .filter((level) => concurrencies.includes(level))
      .map((concurrency) => ({ work, load, concurrency }));
  const first = database === "postgresql";
  if (mode === "full") {
    // SQLite has one writer at a time: more callers tell little more.
    const further = first ? concurrencies : [8];
    return [
      ...at("one", "fresh", concurrencies),
      ...at("four", "fresh", further),
      ...at("one", "replay", further),
      ...at("one", "mixed", [8]),
    ];
  }
  return [
    ...at("one", "fresh", [8]),
    ...(first ? at("four", "fresh", [8]) : []),
    ...at("one", "replay", [8]),
    ...(first ? at("one", "fresh", [1, 32]).map((cell) => ({ ...cell, only: LIMITS })) : []),
    ...(first ? at("one", "mixed", [8]) : []),
  ];
}

/** What a quick run has at other levels of concurrency. */
const LIMITS = ["bare", "raw", "onceonly"];
