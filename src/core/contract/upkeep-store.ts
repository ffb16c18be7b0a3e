import type { Forgotten } from "./inspection.ts";

/** What a store does about records outside of their runs. None of it waits for ever. */
export interface UpkeepStore {
  /** Deletes up to `limit` records whose retention has run out, skipping those in use. */
  prune(params: PruneParams): Promise<PrunedBatch>;
  /** Deletes up to `limit` steps whose record is gone. */
  sweep(params: PruneParams): Promise<PrunedBatch>;
  /** All that is stored of a record, expired or not. What is not committed is not seen. */
  inspect(id: string): Promise<StoredRecord | undefined>;
  /** Deletes a record and its steps, unless a leased run holds it. */
  forget(id: string): Promise<Forgotten>;
}

/** A record as it is stored. Times are in milliseconds since 1970. */
export interface StoredRecord {
  readonly operation: string;
  readonly scope: string;
  readonly key: string;
  readonly status: "in_progress" | "completed" | "failed";
  /** Empty for a lease that was given back. */
  readonly owner: string;
  readonly attempt: number;
  readonly response: string | null;
  readonly input: string | null;
  readonly claimedAtMs: number;
  readonly finishedAtMs: number | null;
  readonly expiresAtMs: number;
  readonly leasedUntilMs: number | null;
  /** The database's clock. */
  readonly nowMs: number;
  readonly steps: readonly StoredStep[];
}

interface StoredStep {
  readonly name: string;
  readonly response: string;
  readonly recordedAtMs: number;
}

export interface PrunedBatch {
  readonly deleted: number;
  /** Whether there may be more. */
  readonly isFull: boolean;
}

export interface PruneParams {
  readonly limit: number;
}
