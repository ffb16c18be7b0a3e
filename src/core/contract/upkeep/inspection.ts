/** Names a record: as a run does, or by the id that events and traces give. */
export type RecordName = RecordIdentity | RecordId;

/** Names a record, as a run does. */
export interface RecordIdentity {
  readonly operation: string;
  readonly scope: string | number | bigint;
  readonly key: string;
}

/** Names a record by its id: 43 characters, a digest of scope, operation and key. */
export interface RecordId {
  readonly id: string;
}

/** What is known of a key. */
export type Inspection = UnknownRecord | InspectedRecord;

/**
 * There is no record: the key was never used, its record was pruned, or its run is one in mode `transaction` that is under way, of
 * which nobody sees anything before its COMMIT.
 */
export interface UnknownRecord {
  readonly state: "unknown";
  readonly id: string;
}

/** What a record says of its run. Times are the database's. */
export interface RecordFacts {
  /** What became of its run. `in_progress`: a leased run that has not ended. */
  readonly state: RecordState;
  readonly id: string;
  readonly operation: string;
  readonly scope: string;
  readonly key: string;
  /** Number of the execution that has it, from 1. */
  readonly attempt: number;
  readonly claimedAt: Date;
  readonly finishedAt: Date | undefined;
  /** From when on the key counts as fresh. */
  readonly expiresAt: Date;
  readonly isExpired: boolean;
  /** Until when an executor has it, if none renews it. Of a leased run in progress. */
  readonly leasedUntil: Date | undefined;
  /** Whether its lease has lapsed, or was given back: a retry, or a completer if the input is stored, executes it again. */
  readonly isAbandoned: boolean;
}

/** What became of the run of a record. */
export type RecordState = "in_progress" | "completed" | "failed";

/** A record as it stands in the table. */
export interface InspectedRecord extends RecordFacts {
  /** What duplicates get: the result, or the error. */
  readonly answer: StoredValue | undefined;
  /** The input, if option `storeInput` has stored it. */
  readonly input: StoredValue | undefined;
  /** The steps that a leased run has recorded, the first first; those of one millisecond by their names. */
  readonly steps: readonly InspectedStep[];
}

/** A step that a leased run has recorded. */
export interface InspectedStep {
  readonly name: string;
  readonly recordedAt: Date;
  readonly result: StoredValue;
}

/** A stored text, decoded where this process can. */
export type StoredValue =
  | { readonly isReadable: true; readonly value: unknown }
  | { readonly isReadable: false; readonly reason: string; readonly text: string };

/** What became of a request to forget a record. `in_progress`: a leased run holds it, and it was left alone. */
export type Forgotten = "forgotten" | "unknown" | "in_progress";
