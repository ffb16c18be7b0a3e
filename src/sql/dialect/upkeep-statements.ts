import type {
  ListParams,
  Place,
  PruneParams,
  RewriteParams,
} from "../../core/contract/upkeep/upkeep-store.ts";
import type { Names } from "./names.ts";
import type { Pruning, RecordAndSteps, Statement, Write } from "./statement.ts";

/** The statements about records outside of their runs. */
export interface UpkeepStatements {
  /** Deletes expired records that nobody holds, and their steps. The last write affects one row for each record. */
  prune(names: Names, params: PruneParams): Pruning;
  /** Deletes steps that are an hour old, and whose record is gone. */
  sweep(names: Names, params: PruneParams): Pruning;
  /** Reads a record, expired or not, and its steps: an `InspectedRow`, and `InspectedStepRow`s. */
  inspect(names: Names, id: string): RecordAndSteps<Statement>;
  /** Deletes a record that no lease holds; its steps, once it is deleted. Waits for no lock: affects nothing, or fails with it. */
  forget(names: Names, id: string): RecordAndSteps<Write>;
  /** Puts a text in place of another. Affects one row if it did. */
  rewrite(names: Names, params: RewriteParams): Write;
  /** Reads ids in their order: rows with an `id`. */
  ids(names: Names, after: string, limit: number): Statement;
  /** Reads records in the order of their expiry, the last first: `ListedRow`s. */
  list(names: Names, params: ListParams): Statement;
  /** Reads the place that many records further in that order: at most one `PlaceRow`. */
  placeAfter(names: Names, after: Place | undefined, records: number): Statement;
  /** Reads a `StatsRow`, by indexes and catalogue alone. */
  stats(names: Names): Statement;
  /** Counts records by operation and state, those claimed at `sinceMs` or later, or else in the last 24 hours: `StateCountRow`s. */
  count(names: Names, sinceMs: number | null): Statement;
  /** Reads when the first record expires, or has expired (`expiresAtMs`, NULL if there is none), and the database's clock (`nowMs`). */
  oldest(names: Names): Statement;
}
