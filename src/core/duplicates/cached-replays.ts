import { reasonOf } from "../contract/callbacks.ts";
import type { SettledRun } from "../contract/idempotency.ts";
import type { Sealing } from "../contract/options/encryption.ts";
import type { ReplayCache } from "../contract/options/replay-cache.ts";
import type { FinishedRecord } from "../contract/store.ts";
import { warnOnce } from "../contract/warn-once.ts";
import { withinLimit } from "../contract/within-limit.ts";
import { decodeCached, encodeCached } from "../outcome/cached-outcome.ts";
import type { Finished } from "../outcome/run-end.ts";
import { replay } from "../outcome/stored-outcome.ts";
import type { PreparedRun } from "../request/prepare.ts";

/** How long a look-up may take, in milliseconds. A cache that answers later than a database is none. */
const LOOK_UP_MS = 100;
/** How long a cache that was late is not asked, in milliseconds: not every run is to wait for it. */
const PAUSE_MS = 1_000;
/** How long a write counts as under way, in milliseconds: one that is never answered must not stand in the way of others for good. */
const WRITE_MS = 10_000;
/** Writes under way. The client of a cache that is away queues them, each with its whole result. */
const WRITES_MAX = 100;

/**
 * Answers duplicates of finished runs from a cache, before the database is asked. A hit replays; whatever else comes of the
 * look-up, the database decides what becomes of the run.
 */
export class CachedReplays {
  readonly #cache: ReplayCache;
  readonly #sealing: Sealing | undefined;
  readonly #prefix: string;
  /** When a cache that was late is asked again, on the clock of `performance.now()`; `undefined` while it is in time. */
  #askAgainAt: number | undefined;
  #writes = 0;

  /** `sealing` is applied to what the cache keeps. */
  constructor(cache: ReplayCache, sealing?: Sealing) {
    this.#cache = cache;
    this.#sealing = sealing;
    // Only Keyv is known to put its namespace before each key.
    this.#prefix = `onceonly:${cache.namespace}:`;
  }

  /** Looks for the outcome of `run`; otherwise has `lead` find or make it, and keeps what that has committed. */
  async before<T>(run: PreparedRun, lead: () => Promise<Finished<T>>): Promise<Finished<T>> {
    const found = await this.#find<T>(run);
    if (found !== undefined) {
      return found;
    }
    const beganAt = performance.now();
    const finished = await lead();
    if (finished.end === "executed") {
      // The caller need not wait: what is not written, the database answers.
      void this.#keep(run, finished.record, beganAt);
    }
    return finished;
  }

  /** @throws what the cache throws, which may then go on answering. */
  async forget(id: string): Promise<void> {
    await withinLimit(this.#cache.delete(this.#prefix + id), WRITE_MS);
  }

  async #find<T>(run: PreparedRun): Promise<Finished<T> | undefined> {
    const record = decodeCached(await this.#opened(run.id), run.id, Date.now());
    const settled = record && settledIn<T>(run, record);
    return record && settled && { end: "replayed", record, settled };
  }

  /** Without its key, the database answers. */
  async #opened(id: string): Promise<unknown> {
    const found = await this.#get(id);
    return typeof found === "string" && this.#sealing !== undefined
      ? this.#sealing.open(found, { id, column: "cache" }).catch(() => undefined)
      : found;
  }

  async #get(id: string): Promise<unknown> {
    const now = performance.now();
    if (this.#askAgainAt !== undefined) {
      if (now < this.#askAgainAt) {
        return undefined;
      }
      // This one asks; the others go on without, until it is answered in time.
      this.#askAgainAt = now + PAUSE_MS;
    }
    try {
      const value = await withinLimit(this.#cache.get(this.#prefix + id), LOOK_UP_MS);
      this.#askAgainAt = undefined;
      return value;
    } catch (error) {
      this.#askAgainAt = performance.now() + PAUSE_MS;
      warnOfCache(`failed in a look-up (${reasonOf(error)})`);
      return undefined;
    }
  }

  /** The record counts at least `retentionMs` from the end of the run, so what is left is counted from its beginning. */
  async #keep(run: PreparedRun, record: FinishedRecord, beganAt: number): Promise<void> {
    const { id, options } = run;
    const ttlMs = Math.floor(options.retentionMs - (performance.now() - beganAt));
    // To Keyv, 0 is for ever.
    if (ttlMs < 1 || this.#writes === WRITES_MAX) {
      return;
    }
    this.#writes += 1;
    try {
      const text = encodeCached({ id, record, expiresAt: Date.now() + ttlMs });
      const kept = (await this.#sealing?.seal(text, { id, column: "cache" })) ?? text;
      const isWritten = await withinLimit(this.#cache.set(this.#prefix + id, kept, ttlMs), WRITE_MS, false);
      if (isWritten === false) {
        warnOfCache("did not take what it was given");
      }
    } catch (error) {
      warnOfCache(`failed in a write (${reasonOf(error)})`);
    } finally {
      this.#writes -= 1;
    }
  }
}

/** `undefined` for the outcome of another input, and for one that cannot be read: what these mean, the database's record says. */
function settledIn<T>(run: PreparedRun, record: FinishedRecord): SettledRun<T> | undefined {
  try {
    return replay<T>(run, record);
  } catch {
    return undefined;
  }
}

function warnOfCache(what: string): void {
  warnOnce(
    "ONCEONLY_REPLAY_CACHE",
    "replayCache",
    `onceonly: the cache of option replayCache ${what}. The database answers instead, and the cache is tried again; this ` +
      "is said once.",
  );
}
