import type {
  AbandonedParams,
  ClaimParams,
  CompleteParams,
  GiveBackParams,
  PruneParams,
  RenewParams,
  StepParams,
  StoreFault,
} from "../core/store.ts";
import type { Names } from "./model.ts";
import { postgresql } from "./postgresql.ts";
import { sqlite } from "./sqlite.ts";
import type { Statement } from "./statement.ts";

/** All that differs between databases: statements, and what their errors mean. To add one, write one of these. */
export interface Dialect {
  /**
   * Makes the row; takes over an expired one, or one whose lease has lapsed or was given back, if the fingerprint is
   * the same; or gives the row as it is. At most one {@link RecordRow}.
   */
  claim(names: Names, params: ClaimParams): Statement;
  /** Reads the row a claim found held by another: at most one {@link RecordRow}, `mine` false. */
  read(names: Names, id: string): Statement;
  /** Stores the outcome where `owner` still holds the row: affects one row or none. */
  complete(names: Names, params: CompleteParams): Statement;
  /** Renews the lease where `owner` still holds it: affects one row or none, and keeps it locked to COMMIT. */
  renew(names: Names, params: RenewParams): Statement;
  /** Ends the lease where `owner` still holds it: affects one row or none. */
  giveBack(names: Names, params: GiveBackParams): Statement;
  /** Writes a step where `owner` still holds the lease, in the place of an earlier one of that name. */
  recordStep(names: Names, params: StepParams): Statement;
  /** Reads the steps of the record as it is now, not those of an expired one of the same id: {@link StepRow}s. */
  steps(names: Names, id: string): Statement;
  /** Claims one record whose lease has lapsed, never one that another is claiming: at most one {@link AbandonedRow}. */
  claimAbandoned(names: Names, params: AbandonedParams): Statement;
  /** Deletes expired rows with their steps: the number of rows that the last one affects counts them. */
  prune(names: Names, params: PruneParams): readonly Statement[];
  /** What an error of the database, or of its driver, means: by its code, and its message where one code has many. */
  faultOfCode(code: string, message: string): StoreFault | undefined;
  /** Whether a write outside of transactions is committed once it is answered. Else each of ours gets its own. */
  readonly commitsByItself: boolean;
  /** How long BEGIN may wait, in milliseconds, where the application does not say; `undefined` for Prisma's default. */
  readonly maxWaitMs: number | undefined;
}

/** The databases there are, by the names that Prisma gives them. */
export type Provider = "postgresql" | "sqlite";

export const dialects: Readonly<Record<Provider, Dialect>> = { postgresql, sqlite };
