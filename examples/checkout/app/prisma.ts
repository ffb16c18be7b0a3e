import { PrismaLibSql } from "@prisma/adapter-libsql";
import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient as PostgresClient } from "../generated/postgresql/client.ts";
import { PrismaClient } from "../generated/sqlite/client.ts";
import { databaseUrl, provider } from "./database.ts";

/** An application has one database, and one generated client. This example has two, with the same models. */
function open(): PrismaClient {
  if (provider === "sqlite") return new PrismaClient({ adapter: new PrismaLibSql({ url: databaseUrl }) });
  const adapter = new PrismaPg({ connectionString: databaseUrl, options: "-c TimeZone=UTC" });
  return new PostgresClient({ adapter }) as unknown as PrismaClient;
}

export const prisma = open();

/** For reading only. On SQLite all queries of a client wait for its transaction, and the page must see what happens. */
export const reader = provider === "sqlite" ? open() : prisma;
