import { type AdapterInfo, adapterInfoOf } from "./private-members.ts";

/** Driver adapters that cannot keep the promise, by name. */
const UNFIT: Readonly<Record<string, string>> = {
  // Seen with 7.10: a write outside of a transaction was reported as done, and was gone after that one's rollback.
  "@prisma/adapter-better-sqlite3":
    "a write beside an open transaction joins it, and is lost with it; use @prisma/adapter-libsql",
  // "Cloudflare D1 does not support interactive transactions."
  "@prisma/adapter-d1":
    "D1 has no transactions that a handler could run in; use @prisma/adapter-libsql or PostgreSQL",
  // https://github.com/prisma/orm/issues/29138
  "@prisma/adapter-planetscale": "it reports a COMMIT that failed as done; use PostgreSQL",
};

/** Adapters call the database by other names than schemas do. */
const PROVIDERS: Readonly<Record<string, string>> = { postgres: "postgresql", sqlite: "sqlite" };

/**
 * Refuses a client whose driver adapter cannot keep the promise, or is of another database than `provider`.
 *
 * @throws TypeError that names the adapter and the remedy.
 */
export function refuseUnfitAdapter(client: object, provider: string): void {
  const info = adapterInfoOf(client);
  if (info === undefined) {
    return;
  }
  const reason = reasonAgainst(info);
  if (reason !== undefined) {
    throw new TypeError(
      `onceonly: option prisma is a client over ${info.name}, which cannot keep the promise: ${reason}.`,
    );
  }
  const own = PROVIDERS[info.provider] ?? info.provider;
  if (own !== provider) {
    throw new TypeError(
      `onceonly: option prisma is a client over ${info.name}, whose database is "${own}"; the provider is "${provider}". ` +
        "Leave option provider out, or make the client with the adapter of that database.",
    );
  }
}

function reasonAgainst({ name, factory }: AdapterInfo): string | undefined {
  // One package, two adapters: only that over WebSocket has transactions.
  return name === "@prisma/adapter-neon" && /http/i.test(factory)
    ? "over HTTP it has no transactions; use PrismaNeon, which connects by WebSocket"
    : UNFIT[name];
}
