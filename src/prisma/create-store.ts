import { checkOneOf, misuse, typeOf } from "../core/misuse.ts";
import type { PrismaClientLike } from "./client.ts";
import { type Dialect, dialects, type Provider } from "./dialect.ts";
import { providerOf } from "./internals.ts";
import { checkModels, type ModelOptions } from "./model.ts";
import { PrismaStore } from "./store.ts";

/** How the store reaches its tables. */
export interface PrismaStoreOptions<TClient extends PrismaClientLike> {
  /** The application's own generated client (Prisma 6.19+ or 7), extended or not. */
  readonly prisma: TClient;
  /** The database. Default: read from the client. */
  readonly provider?: Provider;
  /** Names of tables and columns. Default: read from the client. */
  readonly models?: ModelOptions;
}

/** @throws TypeError for options that cannot be used. */
export function createPrismaStore<TClient extends PrismaClientLike>(
  options: PrismaStoreOptions<TClient>,
): PrismaStore<TClient> {
  const { prisma, provider, models } = options;
  // A transaction of Prisma 7 has `$transaction` too, for savepoints; only a client connects.
  if (!["$transaction", "$queryRawUnsafe", "$connect"].every((name) => isMethod(prisma, name))) {
    throw misuse("prisma", prisma, "your generated PrismaClient, not one of its transactions");
  }
  const supported = Object.keys(dialects);
  checkOneOf("provider", provider, supported);
  checkModels(models);
  const name = provider ?? providerOf(prisma);
  const dialect: Dialect | undefined = supported.includes(name as Provider)
    ? dialects[name as Provider]
    : undefined;
  if (dialect === undefined) {
    throw new TypeError(
      `onceonly: the database of option prisma is ${typeof name === "string" ? `"${name}"` : `unknown (${typeOf(name)})`}; ` +
        `supported are ${supported.join(" and ")}. If it is one of them, give option provider.`,
    );
  }
  return new PrismaStore(prisma, dialect, models);
}

function isMethod(client: unknown, name: string): boolean {
  return (
    typeof client === "object" &&
    client !== null &&
    typeof (client as Record<string, unknown>)[name] === "function"
  );
}
