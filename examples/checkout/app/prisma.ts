import { fileURLToPath } from "node:url";
import { PrismaLibSql } from "@prisma/adapter-libsql";
import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient as PostgresClient } from "../generated/postgresql/client.ts";
import { PrismaClient } from "../generated/sqlite/client.ts";

/** A file beside this folder, or what CHECKOUT_DATABASE_URL says: `file:/some/path.db`, `postgresql://...`. */
export const databaseUrl =
  process.env["CHECKOUT_DATABASE_URL"] ?? `file:${fileURLToPath(new URL("../checkout.db", import.meta.url))}`;

export const provider = /^postgres(ql)?:/.test(databaseUrl) ? "postgresql" : "sqlite";

/** An application has one database, and one generated client. This example has two, with the same models. */
function open(): PrismaClient {
  if (provider === "sqlite") return new PrismaClient({ adapter: new PrismaLibSql({ url: databaseUrl }) });
  const adapter = new PrismaPg({ connectionString: databaseUrl, options: "-c TimeZone=UTC" });
  return new PostgresClient({ adapter }) as unknown as PrismaClient;
}

export const prisma = open();

/** For reading only. On SQLite all queries of a client wait for its transaction, and the page shall look on. */
export const reader = provider === "sqlite" ? open() : prisma;
