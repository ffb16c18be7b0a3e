/** What a driver adapter says of itself. */
export interface AdapterInfo {
  /** The name of its package. */
  readonly name: string;
  /** Its word for the database, for example `"postgres"`. */
  readonly provider: string;
  /** The name of the class of its factory. */
  readonly factory: string;
  /** The version of Prisma, which is that of Prisma's own adapters. */
  readonly version: string | undefined;
}

/** What a driver adapter can do beside what Prisma asks of it. */
interface AdapterCapabilities {
  /** Takes several statements as one message, and begins transactions as `./shared-messages.ts` knows it. */
  readonly sharesMessages?: true;
  /** Reports a COMMIT that failed as done, unless it is sent as a statement. */
  readonly hidesFailedCommit?: true;
  /** Why it cannot keep the promise, if it cannot. */
  readonly reasonAgainst?: (info: Pick<AdapterInfo, "factory" | "version">) => string | undefined;
}

/** By the name of its package. Of others nothing is known but what Prisma asks. */
const ADAPTERS: Readonly<Record<string, AdapterCapabilities>> = {
  "@prisma/adapter-pg": { sharesMessages: true },
  "@prisma/adapter-neon": {
    sharesMessages: true,
    // One package, two adapters: only that over WebSocket has transactions.
    reasonAgainst: ({ factory }) =>
      /http/i.test(factory)
        ? "over HTTP it has no transactions; use PrismaNeon, which connects by WebSocket"
        : undefined,
  },
  // Seen with 6.19: it goes by a flag that such columns have too. So no record could be read, and check() would not tell.
  "@prisma/adapter-mariadb": {
    reasonAgainst: ({ version }) =>
      version?.startsWith("6.") === true
        ? "that of Prisma 6 takes texts in a binary collation, as our tables have, for bytes; use Prisma 7.10 or later"
        : undefined,
  },
  // Seen with 0.7.2: its promise of the end is rejected only while a transaction begins.
  "pglite-prisma-adapter": { hidesFailedCommit: true },
  // Seen with 7.10: a write outside of a transaction was reported as done, and was gone after that one's rollback.
  "@prisma/adapter-better-sqlite3": {
    reasonAgainst: () =>
      "a write beside an open transaction joins it, and is lost with it; use @prisma/adapter-libsql",
  },
  // "Cloudflare D1 does not support interactive transactions."
  "@prisma/adapter-d1": {
    reasonAgainst: () =>
      "D1 has no transactions that a handler could run in; use @prisma/adapter-libsql or PostgreSQL",
  },
  // https://github.com/prisma/orm/issues/29138
  "@prisma/adapter-planetscale": {
    reasonAgainst: () => "it reports a COMMIT that failed as done; use PostgreSQL",
  },
};

/** Whether a connection of an adapter takes several statements as one message. `name` is what it calls itself. */
export function sharesMessagesByName(name: unknown): boolean {
  return typeof name === "string" && ADAPTERS[name]?.sharesMessages === true;
}

/** Whether a connection of an adapter, or its factory, reports a COMMIT that failed as done. `name` is what it calls itself. */
export function hidesFailedCommit(name: unknown): boolean {
  return typeof name === "string" && ADAPTERS[name]?.hidesFailedCommit === true;
}

/**
 * Refuses the driver adapter of option `prisma` if it cannot keep the promise, or is of another database than `provider`.
 * `providerNamed` gives our name for an adapter's.
 *
 * @throws TypeError that names the adapter and the remedy.
 */
export function refuseUnfitAdapter(
  info: AdapterInfo | undefined,
  provider: string,
  providerNamed: (name: string) => string,
): void {
  if (info === undefined) {
    return;
  }
  const reason = reasonAgainst(info);
  if (reason !== undefined) {
    throw new TypeError(
      `onceonly: option prisma is a client over ${info.name}, which cannot keep the promise: ${reason}.`,
    );
  }
  const own = providerNamed(info.provider);
  if (own !== provider) {
    throw new TypeError(
      `onceonly: option prisma is a client over ${info.name}, whose database is "${own}"; the provider is "${provider}". ` +
        "Leave option provider out, or make the client with the adapter of that database.",
    );
  }
}

const reasonAgainst = (info: AdapterInfo): string | undefined => ADAPTERS[info.name]?.reasonAgainst?.(info);
