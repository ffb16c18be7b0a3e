import { misuse } from "./core/browser/option-checks.ts";
import type { Idempotency } from "./core/contract/idempotency.ts";
import { checkOptionNames, type OptionNames } from "./core/contract/option-names.ts";
import { RUN_OPTIONS, type RunOptions } from "./core/contract/options.ts";
import { idempotencyOver } from "./core/create.ts";
import type { PrismaClientLike, TransactionOf } from "./prisma/client/client.ts";
import { createPrismaStore, type PrismaStoreOptions } from "./prisma/create-store.ts";

/** Options of {@link createIdempotency}. */
export interface IdempotencyOptions<TClient extends PrismaClientLike>
  extends PrismaStoreOptions<TClient>,
    RunOptions {}

const OPTIONS: OptionNames<Required<IdempotencyOptions<PrismaClientLike>>> = {
  ...RUN_OPTIONS,
  prisma: "required",
  provider: true,
  models: true,
  guard: true,
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
  return idempotencyOver(createPrismaStore(options), options);
}
