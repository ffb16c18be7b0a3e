/** The database of the examples: SQLite, in the file of DATABASE_URL or in a new one that is removed at the end. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createClient } from "@libsql/client";
import { PrismaLibSql } from "@prisma/adapter-libsql";
import { createIdempotency } from "onceonly";
import { PrismaClient } from "./generated/client.ts";

const url = process.env["DATABASE_URL"] ?? temporaryFile();

export const prisma = new PrismaClient({ adapter: new PrismaLibSql({ url }) });
export const idempotency = createIdempotency({ prisma });

/** What `prisma migrate` does in an application. */
export async function createTables(): Promise<void> {
  const client = createClient({ url });
  const files = ["./schema.sql", "../../prisma/sqlite/idempotency.sql"];
  const tables = files.map((file) => readFileSync(new URL(file, import.meta.url), "utf8"));
  await client.executeMultiple(`PRAGMA journal_mode = WAL;\n${tables.join("\n")}`);
  client.close();
}

function temporaryFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "onceonly-example-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return pathToFileURL(join(folder, "example.db")).href;
}
