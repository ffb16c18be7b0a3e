import { readFileSync } from "node:fs";
import type { DatabaseName } from "./database.ts";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");

/** The tables of the application and ours. */
export function ddl(name: DatabaseName): string {
  return read(`../schema/${name}.sql`) + read(`../../prisma/${name}/idempotency.sql`);
}
