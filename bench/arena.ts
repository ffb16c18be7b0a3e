import { randomBytes } from "node:crypto";
import { createIdempotency } from "onceonly";
import type { Contender, ContenderName, Environment, OpenContender } from "./contenders/contender.ts";
import { contenders } from "./contenders/index.ts";
import type { BenchDatabase, DatabaseKind, Servers } from "./databases/database.ts";
import type { Settings } from "./settings.ts";

export interface Entrant {
  readonly contender: Contender;
  readonly run: OpenContender["run"];
}

/** A database with all contenders that can compete on it, opened on one client. */
export interface Arena extends AsyncDisposable {
  readonly database: BenchDatabase;
  readonly environment: Environment;
  readonly entrants: readonly Entrant[];
  /** A key that nobody has used. */
  freshKey(contender: ContenderName): string;
  /** What the application's table says of a contender's keys. */
  count(contender: ContenderName): Promise<{ readonly keys: number; readonly executions: number }>;
}

/** Those that are wanted and whose servers are there. */
export function competing(settings: Settings, database: string, servers: Servers): Contender[] {
  return contenders.filter(
    ({ name, databases, needs }) =>
      settings.contenders.includes(name) &&
      (databases === "all" || databases.some((each) => each === database)) &&
      (needs === undefined || servers[needs] !== undefined),
  );
}

export async function openArena(
  kind: DatabaseKind,
  servers: Servers,
  settings: Settings,
  namedStatements = settings.namedStatements,
): Promise<Arena> {
  const database = await kind.open(servers);
  const open: (Entrant & { readonly close: () => PromiseLike<void> })[] = [];
  const close = async () => {
    for (const entrant of open) await entrant.close();
    await database[Symbol.asyncDispose]();
  };
  try {
    const prisma = await database.openPrisma({ namedStatements });
    // As at the start of an application: before the client's first query, which another contender may send.
    createIdempotency({ prisma });
    const environment: Environment = {
      database,
      prisma,
      raw: await database.openRaw(),
      redis: servers.redis,
      executor: "bench",
    };
    for (const contender of competing(settings, kind.name, servers)) {
      const opened = await contender.open(environment);
      const run = opened.run.bind(opened);
      open.push({ contender, run, close: () => opened[Symbol.asyncDispose]() });
    }
    // Redis keeps the keys of other runs, and DBOS those of this one when the tables are emptied.
    const token = randomBytes(6).toString("hex");
    let keys = 0;
    return {
      database,
      environment,
      entrants: open,
      freshKey(contender) {
        keys += 1;
        return `${token}:${contender}:${keys}`;
      },
      async count(contender) {
        const [row] = await database.query(
          `SELECT count(*) AS executions, count(DISTINCT "key") AS "keys" FROM "Order" WHERE "key" LIKE $1`,
          [`${token}:${contender}:%`],
        );
        return { keys: Number(row?.["keys"]), executions: Number(row?.["executions"]) };
      },
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
