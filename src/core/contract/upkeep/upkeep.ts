import type { Finding } from "./finding.ts";
import type { Forgotten, Inspection, RecordName } from "./inspection.ts";
import type { CountOptions, ListOptions, OperationCounts, RecordPage, TableStats } from "./listing.ts";
import type { PruneOptions, Pruning, StartPruningOptions } from "./pruning.ts";
import type { Reencrypted, ReencryptOptions } from "./reencryption.ts";

/** What people, and what runs by itself, do with records outside of their runs. */
export interface Upkeep {
  /**
   * Looks at the set-up, for a start-up: tables, columns and indexes, the server's role and clock, and Prisma's version. Then it
   * does what runs do, with records of its own, in a transaction that is rolled back. Leaves nothing behind.
   *
   * @returns what could be better; empty if there is nothing.
   * @throws {@link IdempotencyError} `STORE_MISCONFIGURED` if no run could work; its `details.findings` say why.
   * `STORE_UNAVAILABLE`
   */
  check(): Promise<readonly Finding[]>;
  /**
   * Tells what became of a key: its record with everything in it decoded, expired or not. Executes and changes nothing.
   *
   * @remarks A run in mode `transaction` that is under way is `unknown`: before its COMMIT nobody sees anything of it.
   * @throws {@link IdempotencyError} `KEY_INVALID`, `SCOPE_MISSING`, `STORE_UNAVAILABLE`, `STORE_MISCONFIGURED`
   */
  inspect(record: RecordName): Promise<Inspection>;
  /**
   * Deletes the record of a key, its steps, and what a cache of replays has of it.
   *
   * @remarks **Warning**: the next request with the key executes again, though its client may have been told of the first time.
   * @returns `"in_progress"` for a leased run whose lease is live, which is left alone.
   * @throws {@link IdempotencyError} `KEY_INVALID`, `SCOPE_MISSING`, `STORE_UNAVAILABLE`, `STORE_MISCONFIGURED`
   * @throws what the cache throws; the record is deleted then, and may still be answered.
   */
  forget(record: RecordName): Promise<Forgotten>;
  /**
   * Lists records page by page, those first that expire last: with one retention for all, the newest. Without what is stored in them.
   *
   * @remarks Records are found by when they expire, by their full name (operation, scope and key), or in progress. What else is asked for
   * is searched for record by record, some 500,000 in the two seconds of a page.
   * @throws TypeError for an option that cannot be used.
   * @throws {@link IdempotencyError} `KEY_INVALID`, `SCOPE_MISSING`, `STORE_UNAVAILABLE`, `STORE_MISCONFIGURED`
   */
  list(options?: ListOptions): Promise<RecordPage>;
  /**
   * Tells the state of the tables, for metrics: read from indexes and the catalogue, in some milliseconds.
   *
   * @throws {@link IdempotencyError} `STORE_UNAVAILABLE`, `STORE_MISCONFIGURED`
   */
  stats(): Promise<TableStats>;
  /**
   * Counts records by operation and state. Reads all records, some hundred milliseconds for a million.
   *
   * @throws TypeError for an option that cannot be used.
   * @throws {@link IdempotencyError} `STORE_UNAVAILABLE`, `STORE_MISCONFIGURED`
   */
  countByOperation(options?: CountOptions): Promise<readonly OperationCounts[]>;
  /**
   * Encrypts what the tables hold by the current key of option `encryption`, record by record: after a change of keys whose records are kept
   * for long, or after encryption was turned on. Runs go on meanwhile.
   *
   * @throws TypeError without option `encryption`.
   * @throws {@link IdempotencyError} `STORE_UNAVAILABLE`, `STORE_MISCONFIGURED`
   */
  reencrypt(options?: ReencryptOptions): Promise<Reencrypted>;
  /**
   * Deletes records whose retention has run out, in batches that lock no row in use.
   *
   * @returns how many were deleted.
   * @throws {@link IdempotencyError} `STORE_UNAVAILABLE`, `STORE_MISCONFIGURED`
   * @throws TypeError for a `batchSize` that cannot be used.
   */
  prune(options?: PruneOptions): Promise<number>;
  /**
   * Calls {@link prune} at intervals with jitter, until it is stopped, for a server that lives long. Any number of servers may. It does
   * not keep the process alive; a round that fails is a process warning, `OnceonlyPruningWarning`. Once a day a round also
   * deletes steps whose record is gone.
   *
   * @throws TypeError for an option that cannot be used.
   */
  startPruning(options?: StartPruningOptions): Pruning;
}
