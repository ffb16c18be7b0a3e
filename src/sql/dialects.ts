import type { Dialect } from "./dialect/dialect.ts";
import type { NamingStyle } from "./dialect/names.ts";
import { mariadb } from "./mariadb/mariadb.ts";
import { inOneMessage } from "./postgresql/message.ts";
import { postgresql } from "./postgresql/postgresql.ts";
import { sqlite } from "./sqlite/sqlite.ts";

/** The supported databases. */
export type Provider = "mariadb" | "postgresql" | "sqlite";

export const dialects: Readonly<Record<Provider, Dialect>> = {
  mariadb,
  postgresql: {
    ...postgresql,
    capabilities: { ...postgresql.capabilities, message: inOneMessage(postgresql) },
  },
  sqlite,
};

/** Prisma's schemas and driver adapters call some by other names. */
const OTHER_NAMES: Readonly<Record<string, Provider>> = { postgres: "postgresql", mysql: "mariadb" };

/** Our name for what Prisma calls `name`; that itself if we know no other. */
export function providerNamed(name: string): string {
  return OTHER_NAMES[name] ?? name;
}

/** The folder of the package that has the tables for a database. */
export function folderOf(dialect: Dialect): string {
  const provider = Object.entries(dialects).find(([, known]) => known === dialect)?.[0];
  return `prisma/${provider ?? "<provider>"}`;
}

export const namingOf = (dialect: Dialect): NamingStyle => ({
  quoteMark: dialect.quoteMark,
  folder: folderOf(dialect),
});
