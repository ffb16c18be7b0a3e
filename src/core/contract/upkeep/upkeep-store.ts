import type { Forgotten, RecordState } from "./inspection.ts";

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
  /** Puts one text in place of another, if that still stands there. Returns whether it did. */
  rewrite(params: RewriteParams): Promise<boolean>;
  /** Ids in their own order, which no run changes; after `after`. */
  ids(after: string, limit: number): Promise<readonly string[]>;
  /** Records in the order of their expiry, the last first, after a place in that order. */
  list(params: ListParams): Promise<readonly FoundRecord[]>;
  /** The place that many records further. `undefined` if there are fewer. */
  placeAfter(after: Place | undefined, records: number): Promise<Place | undefined>;
  stats(): Promise<StoredStats>;
  /** Counts records claimed at `sinceMs` or later; `null`: in the last 24 hours. */
  count(sinceMs: number | null): Promise<readonly StateCount[]>;
}

export interface RewriteParams {
  readonly id: string;
  /** A column of the record, or the result of a step. */
  readonly column: "response" | "input" | { readonly step: string };
  readonly from: string;
  readonly to: string;
}

/** A place in the order of expiry. */
export interface Place {
  /** When the record expires, in the words of the database. */
  readonly expiresAt: string;
  readonly id: string;
}

/** Which records to read, at most `limit`. */
export interface ListParams {
  readonly filter: RecordFilter;
  readonly after: Place | undefined;
  /** The last place that is looked at. */
  readonly upTo: Place | undefined;
  readonly limit: number;
}

export interface RecordFilter {
  readonly id?: string | undefined;
  readonly operation?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly key?: string | undefined;
  readonly state?: RecordState | "abandoned" | undefined;
  readonly claimedFromMs?: number | undefined;
  readonly claimedBeforeMs?: number | undefined;
}

/** What is stored of a record, but for its values, and its place. */
export interface FoundRecord extends Omit<StoredRecord, "response" | "input" | "steps"> {
  readonly place: Place;
}

/** Counts up to `COUNTED_MAX`. */
export interface StoredStats {
  readonly inProgress: number;
  readonly abandoned: number;
  readonly expired: number;
  /** When the first record expires. `null` if there is none. */
  readonly firstExpiresAtMs: number | null;
  readonly bytes: number | null;
  readonly nowMs: number;
}

export const COUNTED_MAX = 100_000;

export interface StateCount {
  readonly operation: string;
  readonly status: RecordState;
  readonly records: number;
}

/** A record as it is stored. Times are in milliseconds since 1970. */
export interface StoredRecord {
  readonly operation: string;
  readonly scope: string;
  readonly key: string;
  readonly status: RecordState;
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
