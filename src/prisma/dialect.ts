import type { ClaimParams, CompleteParams, PruneParams, StoreFault } from "../core/store.ts";
import type { TableNames } from "./model.ts";
import { postgresql } from "./postgresql.ts";
import { sqlite } from "./sqlite.ts";
import type { Statement } from "./statement.ts";

/** All that differs between databases: statements, and what their errors mean. To add one, write one of these. */
export interface Dialect {
  /** Makes the row, takes over an expired one, or gives the finished one: at most one {@link RecordRow}. */
  claim(names: TableNames, params: ClaimParams): Statement;
  /** Reads the row a claim found held by another: at most one {@link RecordRow}, `mine` false. */
  read(names: TableNames, id: string): Statement;
  /** Stores the outcome where `owner` still holds the row: affects one row or none. */
  complete(names: TableNames, params: CompleteParams): Statement;
  /** Deletes expired rows: the number of rows affected counts them. */
  prune(names: TableNames, params: PruneParams): Statement;
  /** What an error of the database, or of its driver, means: by its code, and its message where one code has many. */
  faultOfCode(code: string, message: string): StoreFault | undefined;
  /** How long BEGIN may wait, in milliseconds, where the application does not say; `undefined` for Prisma's default. */
  readonly maxWaitMs: number | undefined;
}

/** The databases there are, by the names that Prisma gives them. */
export type Provider = "postgresql" | "sqlite";

export const dialects: Readonly<Record<Provider, Dialect>> = { postgresql, sqlite };
