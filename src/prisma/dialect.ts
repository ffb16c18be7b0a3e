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

/**
 * All that differs between databases: statements, and what their errors mean. To add one, write one of these.
 *
 * Every time is the database's own, and taken after the wait for a lock: a lease is good from then on. A statement that
 * writes affects a row where `owner` still holds the claim, also if nothing in the row changes, and none elsewhere.
 */
export interface Dialect {
  /**
   * Makes the row; takes over an expired one, or one whose lease has lapsed or was given back, if the fingerprint is
   * the same; or gives the row as it is. At most one {@link RecordRow}.
   */
  claim(names: Names, params: ClaimParams): Statement;
  /** Reads the row a claim found held by another: at most one {@link RecordRow}, `mine` false. */
  read(names: Names, id: string): Statement;
  /** Stores the outcome where `owner` still holds the row, and ends its lease. */
  complete(names: Names, params: CompleteParams): Statement;
  /** Renews the lease where `owner` still holds it, and keeps the row locked to COMMIT. */
  renew(names: Names, params: RenewParams): Statement;
  /** Empties `owner`, for the next claim, and has the lease lapse after `delayMs`, for completers. */
  giveBack(names: Names, params: GiveBackParams): Statement;
  /**
   * Writes a step where `owner` still holds the lease, in the place of an earlier one of that name. No takeover may come
   * between its look at `owner` and its COMMIT.
   */
  recordStep(names: Names, params: StepParams): Statement;
  /** Reads the steps of the record as it is now, not those of an expired one of the same id: {@link StepRow}s. */
  steps(names: Names, id: string): Statement;
  /** Claims one record whose lease has lapsed, never one that another is claiming: at most one {@link AbandonedRow}. */
  claimAbandoned(names: Names, params: AbandonedParams): Statement;
  /** Deletes expired records that nobody holds, with their steps. The last one affects as many rows as records went. */
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
