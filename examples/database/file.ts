/** What the examples do to set up their SQLite file; an application uses `prisma migrate`. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createClient } from "@libsql/client";

const OURS = new URL("../../prisma/sqlite/idempotency.sql", import.meta.url);

/** A new file, removed when the process ends. */
export function temporaryDatabase(): string {
  const folder = mkdtempSync(join(tmpdir(), "onceonly-example-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return pathToFileURL(join(folder, "example.db")).href;
}

/** Creates the tables of the file `schema`, and ours. */
export async function createTablesIn(url: string, schema: URL): Promise<void> {
  const client = createClient({ url });
  const tables = [schema, OURS].map((file) => readFileSync(file, "utf8"));
  await client.execute("PRAGMA journal_mode = WAL");
  await client.executeMultiple(tables.join("\n"));
  client.close();
}
