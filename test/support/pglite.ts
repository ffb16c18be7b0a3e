import { PGlite } from "@electric-sql/pglite";
import { PrismaPGlite } from "pglite-prisma-adapter";
import type { TestClient } from "./clients.ts";
import { ddl } from "./ddl.ts";
import { PrismaClient } from "./generated/postgresql/client.ts";

/** One for the file: it takes seconds to start. */
let started: Promise<PGlite> | undefined;

/** Fresh tables in a PGlite in memory, and a way to make clients on it. */
export async function openPglite() {
  started ??= PGlite.create();
  const lite = await started;
  await lite.exec("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
  await lite.exec(ddl("postgresql", "plain"));
  return clientsOf(lite);
}

export function clientsOf(lite: PGlite) {
  const connect = (): TestClient => new PrismaClient({ adapter: new PrismaPGlite(lite) });
  const query = async (sql: string) => (await lite.query<Record<string, unknown>>(sql)).rows;
  return {
    lite,
    prisma: connect(),
    /** A further client. All share the one connection of PGlite. */
    connect,
    query,
    orders: async () => (await query('SELECT key FROM "Order" ORDER BY key')).map(({ key }) => key),
    records: () => query("SELECT key, status, attempt FROM idempotency_record ORDER BY key"),
  };
}
