import type { DatabaseKind } from "./database.ts";
import { mariadb } from "./mariadb.ts";
import { postgresql } from "./postgresql.ts";
import { sqlite } from "./sqlite.ts";

/** What is measured, and in what order. Another database is one more row. */
export const databases: readonly DatabaseKind[] = [postgresql, sqlite, mariadb];
