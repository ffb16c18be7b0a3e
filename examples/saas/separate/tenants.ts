/** A database for each tenant, and with it a client and an `idempotency`, which are kept: duplicates wait in its memory. */
import { PrismaLibSql } from "@prisma/adapter-libsql";
import { createIdempotency } from "onceonly";
import { PrismaClient } from "../generated/client.ts";

/** Stands in for the table of tenants that such an application has: their names, and where their databases are. */
const urls = JSON.parse(process.env["TENANTS"] ?? "{}") as Record<string, string>;

function open(url: string) {
  const prisma = new PrismaClient({ adapter: new PrismaLibSql({ url }) });
  // The completer of this database takes the input of an abandoned run from there.
  return { prisma, idempotency: createIdempotency({ prisma, storeInput: true }) };
}

export const tenants = new Map(Object.entries(urls).map(([tenant, url]) => [tenant, open(url)]));

export function databaseOf(tenant: string) {
  const database = tenants.get(tenant);
  if (database === undefined) throw new Error(`There is no tenant ${JSON.stringify(tenant)}`);
  return database;
}
