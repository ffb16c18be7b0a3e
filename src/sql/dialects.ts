import type { Dialect } from "./dialect.ts";
import { postgresql } from "./postgresql.ts";
import { inOneMessage } from "./postgresql-message.ts";
import { sqlite } from "./sqlite.ts";

/** The supported databases, by Prisma's names for them. */
export type Provider = "postgresql" | "sqlite";

export const dialects: Readonly<Record<Provider, Dialect>> = {
  postgresql: { ...postgresql, message: inOneMessage(postgresql) },
  sqlite,
};

/** The folder of the package that has the tables for a database. */
export function folderOf(dialect: Dialect): string {
  const provider = Object.entries(dialects).find(([, known]) => known === dialect)?.[0];
  return `prisma/${provider ?? "<provider>"}`;
}
