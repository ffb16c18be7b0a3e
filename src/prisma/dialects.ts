import type { Dialect } from "./dialect.ts";
import { postgresql } from "./postgresql.ts";
import { sqlite } from "./sqlite.ts";

/** The databases there are, by the names that Prisma gives them. */
export type Provider = "postgresql" | "sqlite";

export const dialects: Readonly<Record<Provider, Dialect>> = { postgresql, sqlite };
