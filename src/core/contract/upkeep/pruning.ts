/**
 * How long after its expiry a record that is still there says that nobody prunes, in milliseconds. Some prune once a day.
 */
export const UNPRUNED_MS_MAX: number = 24 * 60 * 60 * 1_000;

/** How records are deleted. */
export interface PruneOptions {
  /** Records per statement. Default 1,000. */
  readonly batchSize?: number;
  /**
   * The share of time in which it deletes, above 0 and up to 1: between two batches it rests, so that requests find the database
   * free. Default 0.2. 1: it does not rest.
   */
  readonly dutyCycle?: number;
  /** Stops after the batch under way. */
  readonly signal?: AbortSignal;
}

/** How often and for how long records are deleted. */
export interface StartPruningOptions {
  /** From the end of a round to the next, in milliseconds: half of it at least, at random. Default 300,000 (5 minutes). */
  readonly everyMs?: number;
  /** Records per statement. Default 1,000. */
  readonly batchSize?: number;
  /** As in {@link PruneOptions}. Default 0.2. */
  readonly dutyCycle?: number;
  /** How long a round lasts at most, in milliseconds, beside the batch under way. What is left waits for the next. Default 10,000. */
  readonly budgetMs?: number;
}

/** Pruning at intervals. */
export interface Pruning {
  /** Ends it, after the batch under way. */
  stop(): Promise<void>;
}
