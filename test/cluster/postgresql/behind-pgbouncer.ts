/** A database of a test's own behind a PgBouncer of its own. */
import { openPostgres } from "../../support/database.ts";
import { startPgbouncer } from "./pgbouncer.ts";

export async function openBehind(options: Parameters<typeof startPgbouncer>[1]) {
  const db = await openPostgres();
  const bouncer = await startPgbouncer(db.url, options);
  return {
    db,
    url: bouncer.through(db.url),
    async [Symbol.asyncDispose]() {
      await bouncer[Symbol.asyncDispose]();
      await db[Symbol.asyncDispose]();
    },
  };
}
