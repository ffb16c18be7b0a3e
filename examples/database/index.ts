/** The database of the examples: SQLite, in the file of DATABASE_URL or in a new one that is removed at the end. */
import { PrismaLibSql } from "@prisma/adapter-libsql";
import { createIdempotency } from "onceonly";
import { createTablesIn, temporaryDatabase } from "./file.ts";
import { PrismaClient } from "./generated/client.ts";

const url = process.env["DATABASE_URL"] ?? temporaryDatabase();

export const prisma = new PrismaClient({ adapter: new PrismaLibSql({ url }) });
export const idempotency = createIdempotency({ prisma });

export const createTables = () => createTablesIn(url, new URL("./schema.sql", import.meta.url));
