import { checkOneOf, typeOf } from "../core/browser/option-checks.ts";
import type { Dialect } from "../sql/dialect/dialect.ts";
import { checkModels, type ModelOptions } from "../sql/dialect/names.ts";
import { dialects, type Provider, providerNamed } from "../sql/dialects.ts";
import { refuseUnfitAdapter } from "./client/adapters.ts";
import { checkClient, type PrismaClientLike } from "./client/client.ts";
import { adapterInfoOf, providerOf } from "./client/private-members.ts";
import { type GuardMode, guardClient } from "./guard/guard.ts";
import { baseOf, prepareToJoin } from "./handler/joining-client.ts";
import { PrismaStore } from "./store.ts";

/** How the store reaches its tables. */
export interface PrismaStoreOptions<TClient extends PrismaClientLike> {
  /** The application's own generated client (Prisma 6.19+ or 7), extended or not. */
  readonly prisma: TClient;
  /** The database. Default: read from the client, in which MariaDB is `"mysql"`. */
  readonly provider?: Provider;
  /** Names of tables and columns. Default: read from the client. */
  readonly models?: ModelOptions;
  /**
   * What happens when a handler writes through this client instead of through its transaction: a process warning, once
   * for each call site (`"warn"`), or an error before anything is sent (`"throw"`). Both name the model, the action and
   * the call site. Applies to all clients that share the connections of this one; the value given last wins. Default
   * `"warn"`, or `"off"` (no checks) if `NODE_ENV` is `"production"`.
   */
  readonly guard?: GuardMode;
}

/** @throws TypeError for options that cannot be used. */
export function createPrismaStore<TClient extends PrismaClientLike>(
  options: PrismaStoreOptions<TClient>,
): PrismaStore<TClient> {
  const { prisma, provider, models, guard } = options;
  checkClient("prisma", prisma);
  const supported = Object.keys(dialects);
  checkOneOf("provider", provider, supported);
  checkModels(models);
  const named = providerOf(prisma);
  const name = provider ?? (typeof named === "string" ? providerNamed(named) : named);
  const dialect: Dialect | undefined = supported.includes(name as Provider)
    ? dialects[name as Provider]
    : undefined;
  if (dialect === undefined) {
    throw new TypeError(
      `onceonly: the database of option prisma is ${typeof name === "string" ? `"${name}"` : `unknown (${typeOf(name)})`}; ` +
        `supported are ${supported.join(", ")}. If it is one of them, give option provider.`,
    );
  }
  refuseUnfitAdapter(adapterInfoOf(prisma), name as Provider, providerNamed);
  prepareToJoin("prisma", prisma);
  guardClient(prisma, guard);
  return new PrismaStore(baseOf(prisma), dialect, models);
}
