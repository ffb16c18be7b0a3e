import { spawnWorker } from "../../test/support/worker.ts";
import { competing } from "../arena.ts";
import type { KillChildData, KillChildDown, KillChildUp } from "../children/kill-child.ts";
import type { Contender } from "../contenders/contender.ts";
import type { BenchDatabase, DatabaseKind, Servers } from "../databases/database.ts";
import { times } from "../load.ts";
import type { Kill } from "../results.ts";
import type { Settings } from "../settings.ts";

/** How many are killed at a time: those that are stuck do nothing but wait. */
const AT_A_TIME = 5;

/** Those whose end is quick to come. */
const SMOKED = ["bare", "onceonly"];

const POINTS = ["committed", "inside"] as const;

/** A process is killed in the middle of a mutation, and a second one, already there, retries at once. */
export async function measureKills(
  kind: DatabaseKind,
  servers: Servers,
  settings: Settings,
): Promise<Kill[]> {
  const patienceMs = settings.mode === "full" ? 12_000 : 4_000;
  const contenders = competing(settings, kind.name, servers).filter(
    ({ name }) => settings.mode !== "smoke" || SMOKED.includes(name),
  );
  const cases = contenders.flatMap((contender) => POINTS.map((point) => ({ contender, point })));
  const kills = new Map<string, Kill>();
  await times(cases.length, AT_A_TIME, async (index) => {
    const each = cases[index];
    if (each === undefined) return;
    kills.set(`${each.contender.name} ${each.point}`, await kill(kind, servers, each, patienceMs));
  });
  return cases.flatMap(({ contender, point }) => kills.get(`${contender.name} ${point}`) ?? []);
}

async function kill(
  kind: DatabaseKind,
  servers: Servers,
  { contender, point }: { readonly contender: Contender; readonly point: Kill["point"] },
  patienceMs: number,
): Promise<Kill> {
  // Its own: on SQLite, who is stopped inside of a transaction stops all others from writing.
  await using database = await kind.open(servers);
  const { name, title } = contender;
  const { redis } = servers;
  if (name === "dbos") await migrate(database, contender);
  const key = `kill:${name}:${point}:${process.pid}:${Date.now()}`;
  const data = (executor: string): KillChildData => ({
    contender: name,
    database: database.name,
    url: database.url,
    redis,
    executor: `${key}:${executor}`,
  });
  const script = new URL("../children/kill-child.ts", import.meta.url);
  await using first = spawnWorker<KillChildUp, KillChildDown>(script, data("first"));
  await first.waitFor("ready");
  await using second = spawnWorker<KillChildUp, KillChildDown>(script, data("second"));
  await second.waitFor("ready");
  first.send({ type: "run", key, stopAt: point, patienceMs: 0 });
  await first.waitFor("stopped");
  await first.kill();

  second.send({ type: "run", key, stopAt: undefined, patienceMs });
  const { firstAnswer, lastAnswer, answeredMs, attempts } = await second.waitFor("answered");
  await second.kill();
  const [row] = await database.query(`SELECT count(*) AS n FROM "Order" WHERE "key" = $1`, [key]);
  const rows = Number(row?.["n"]);
  return {
    database: database.name,
    contender: name,
    title,
    point,
    firstAnswer,
    lastAnswer,
    answeredMs,
    attempts,
    rows,
  };
}

/** DBOS makes its tables when it is opened, and two that do so at once fail. */
async function migrate(database: BenchDatabase, dbos: Contender): Promise<void> {
  const prisma = await database.openPrisma();
  const raw = await database.openRaw();
  const opened = await dbos.open({ database, prisma, raw, redis: undefined, executor: "migrate" });
  await opened[Symbol.asyncDispose]();
}
