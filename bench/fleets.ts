import { randomBytes } from "node:crypto";
import { spawnWorker, type Worker } from "../test/support/worker.ts";
import type { LoadChildData, LoadChildDown, LoadChildUp } from "./children/load-child.ts";
import type { Contender } from "./contenders/contender.ts";
import { contenders } from "./contenders/index.ts";
import type { BenchDatabase } from "./databases/database.ts";
import { roundOf } from "./load.ts";
import type { Measured } from "./results.ts";
import { type Player, takeTurns } from "./rounds.ts";
import type { Settings } from "./settings.ts";
import { ratioOf } from "./stats.ts";

/** A process of the application, on a database that it shares with others. */
export interface Server extends AsyncDisposable {
  /** The version of the Node.js that it runs on. */
  readonly node: string;
  readonly worker: Worker<LoadChildUp, LoadChildDown>;
}

/** Processes that share the callers of one load. */
export interface Fleet {
  readonly name: string;
  readonly servers: readonly Server[];
}

const COMPARED = ["bare", "onceonly"];
export const CALLERS = 8;

/** Of those that are wanted, the bare transaction and onceonly. */
export function comparedIn(settings: Settings): Contender[] {
  return contenders.filter(({ name }) => settings.contenders.includes(name) && COMPARED.includes(name));
}

/** `node` is the path of another Node.js than this one. */
export async function openServer(
  database: BenchDatabase,
  settings: Settings,
  node?: string,
): Promise<Server> {
  const script = new URL("children/load-child.ts", import.meta.url);
  const data: LoadChildData = {
    database: database.name,
    url: database.url,
    namedStatements: settings.namedStatements,
    contenders: comparedIn(settings).map(({ name }) => name),
  };
  const worker = spawnWorker<LoadChildUp, LoadChildDown>(script, data, { node });
  try {
    const { node: version } = await worker.waitFor("ready");
    return { node: version, worker, [Symbol.asyncDispose]: () => worker.kill() };
  } catch (error) {
    await worker.kill();
    throw error;
  }
}

/** Fresh keys and one write: all fleets in turn in each round, with ratios to the bare transaction of the same fleet. */
export async function measureFleets(
  database: BenchDatabase,
  fleets: readonly Fleet[],
  settings: Settings,
): Promise<Map<string, Measured[]>> {
  await database.empty();
  const token = randomBytes(6).toString("hex");
  const entries = fleets.flatMap((fleet) =>
    comparedIn(settings).map((contender) => {
      const keys = `${token}:${fleet.name}:${contender.name}`;
      return { fleet, contender, keys, used: { count: 0 } };
    }),
  );
  const players: Player[] = entries.map(({ fleet, contender, keys, used }) => ({
    name: keys,
    play: (seconds, databaseCpu) =>
      roundOf(async () => {
        const concurrency = CALLERS / fleet.servers.length;
        for (const { worker } of fleet.servers) {
          worker.send({ type: "run", contender: contender.name, keys, concurrency, seconds });
        }
        const answers = await Promise.all(fleet.servers.map(({ worker }) => worker.waitFor("done")));
        for (const answer of answers) used.count += answer.keys;
        return answers.map(({ sample }) => sample);
      }, databaseCpu),
  }));
  const results = await takeTurns(players, settings, database.server?.cpuMicros);
  const perSecond = (keys: string) => results.get(keys)?.map((round) => round.perSecond);
  const measured = new Map<string, Measured[]>(fleets.map(({ name }) => [name, []]));
  for (const { fleet, contender, keys, used } of entries) {
    const [ours, bare] = [perSecond(keys), perSecond(`${token}:${fleet.name}:bare`)];
    const [row] = await database.query(`SELECT count(*) AS n FROM "Order" WHERE "key" LIKE $1`, [
      `${keys}:%`,
    ]);
    measured.get(fleet.name)?.push({
      name: contender.name,
      title: contender.title,
      rounds: results.get(keys) ?? [],
      ratio: ours === undefined || bare === undefined ? null : ratioOf(ours, bare),
      keys: used.count,
      executions: Number(row?.["n"]),
    });
  }
  return measured;
}
