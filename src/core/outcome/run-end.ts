import type { SettledRun } from "../contract/idempotency.ts";
import type { FinishedRecord } from "../contract/store.ts";

/** How one attempt to run ended. */
export type RunEnd<T> = Finished<T> | Held | Failed;

/** The outcome is stored. */
export type Finished<T> = Executed<T> | Replayed<T>;

/** By this attempt. */
export interface Executed<T> {
  readonly end: "executed";
  readonly settled: SettledRun<T>;
  readonly record: FinishedRecord;
  readonly afterCommit: readonly (() => unknown)[];
}

/** By another execution. */
interface Replayed<T> {
  readonly end: "replayed";
  readonly record: FinishedRecord;
  /** Where the record is restored already. */
  readonly settled?: SettledRun<T>;
}

/** A leased run holds the record. */
export interface Held {
  readonly end: "held";
  readonly fingerprint: string;
}

/** Nothing of the attempt is left. `during` is what failed. */
export interface Failed {
  readonly end: "failed";
  readonly during: "begin" | "handler" | "commit";
  readonly error: unknown;
}
