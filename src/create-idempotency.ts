import { misuse } from "./core/browser/option-checks.ts";
import type { Idempotency } from "./core/contract/idempotency.ts";
import type { EncryptionOptions } from "./core/contract/options/encryption.ts";
import { checkOptionNames, type OptionNames } from "./core/contract/options/option-names.ts";
import { RUN_OPTIONS, type RunOptions } from "./core/contract/options/options.ts";
import type { ReplayCache } from "./core/contract/options/replay-cache.ts";
import { idempotencyOver } from "./core/create.ts";
import type { PrismaClientLike, TransactionOf } from "./prisma/client/client.ts";
import { engineOf } from "./prisma/client/private-members.ts";
import { createPrismaStore, type PrismaStoreOptions } from "./prisma/create-store.ts";
import { baseOf } from "./prisma/handler/joining-client.ts";

/** Options of {@link createIdempotency}. */
export interface IdempotencyOptions<TClient extends PrismaClientLike>
  extends PrismaStoreOptions<TClient>,
    RunOptions {
  /**
   * Answers duplicates of finished runs before the database is asked: a Keyv instance, with a namespace that no other database
   * has in its store. A look-up that finds nothing, fails or takes longer than 100 ms leaves the answer to the database, which alone
   * decides whether a handler runs. Default: none.
   *
   * @remarks **Warning**: an outcome is answered for its whole retention, even if its record was deleted, or was lost in a
   * failover of the database.
   */
  readonly replayCache?: ReplayCache;
  /**
   * Encrypts what records hold, by AES-256-GCM: results, errors that are answers, results of steps, stored inputs, and what a
   * `replayCache` keeps. Names stay in clear: scope, operation, key, names of steps; so does the hash of the input. Default: none.
   */
  readonly encryption?: EncryptionOptions;
}

const OPTIONS: OptionNames<Required<IdempotencyOptions<PrismaClientLike>>> = {
  ...RUN_OPTIONS,
  prisma: "required",
  provider: true,
  models: true,
  guard: true,
  replayCache: true,
  encryption: true,
};

/**
 * Makes the object that runs mutations exactly once, over the application's own Prisma client. Make one for the whole
 * application: duplicates of one key wait in its memory instead of each holding a connection.
 *
 * Nothing touches the database before the first run.
 *
 * @throws TypeError for an option that cannot be used; it names the option and the remedy.
 */
export function createIdempotency<TClient extends PrismaClientLike>(
  options: IdempotencyOptions<TClient>,
): Idempotency<TransactionOf<TClient>> {
  if (typeof options !== "object" || options === null) {
    throw misuse("(the first argument)", options, "an object such as { prisma }");
  }
  if ("$transaction" in options) {
    throw new TypeError(
      "onceonly: createIdempotency got a client in place of its options; give it as option prisma: createIdempotency({ prisma }).",
    );
  }
  checkOptionNames(options, OPTIONS);
  const store = createPrismaStore(options);
  const idempotency = idempotencyOver(store, options, options);
  keepToOneDatabase(options);
  return idempotency;
}

/** Whose records each cache holds: those of an engine, in tables of these names. */
const databases: WeakMap<object, { readonly engine: object; readonly models: string }> = new WeakMap();

/** @throws TypeError for a cache that has been given along with another database: the same id names another record there. */
function keepToOneDatabase({ prisma, models, replayCache }: IdempotencyOptions<PrismaClientLike>): void {
  if (replayCache === undefined) {
    return;
  }
  const database = { engine: engineOf(baseOf(prisma)), models: JSON.stringify(models ?? null) };
  const known = databases.get(replayCache) ?? database;
  if (known.engine !== database.engine || known.models !== database.models) {
    throw new TypeError(
      "onceonly: option replayCache is the cache of another database already, whose results it would answer with; give each " +
        "database a Keyv of its own, with a namespace of its own.",
    );
  }
  databases.set(replayCache, known);
}
