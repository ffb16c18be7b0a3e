import type { IdempotencyErrorCode } from "./errors/errors.ts";

/** What all events of a call say of it. */
export interface CallEvent {
  /** As in the request. */
  readonly operation: string;
  /** `undefined` for a request that an adapter has refused before. */
  readonly mode: "transaction" | "lease" | undefined;
  /** The name of the record: a hash of scope, operation and key. `undefined` for a request that is refused before it has one. */
  readonly id: string | undefined;
  /** As the client sent it. Only with option `eventKeys`. */
  readonly key?: string;
  /** Only with option `eventKeys`. */
  readonly scope?: string;
}

/** Of a call that has ended. */
export interface EndedCallEvent extends CallEvent {
  /** From the call to its end, in milliseconds, waiting included. */
  readonly durationMs: number;
}

/** The message of each channel of `node:diagnostics_channel`, by its name. */
export interface IdempotencyEvents {
  /** A handler was executed, and its result is committed. */
  "onceonly:executed": EndedCallEvent & { readonly attempt: number };
  /** A handler was executed, and its error is committed as its answer. */
  "onceonly:stored": EndedCallEvent & { readonly attempt: number; readonly error: ErrorFacts };
  /** A duplicate has got the stored answer. `status`: whether that is a result or an error. */
  "onceonly:replayed": EndedCallEvent & { readonly status: "completed" | "failed" };
  /** A call was refused: no handler was executed for it. */
  "onceonly:refused": EndedCallEvent & { readonly code: IdempotencyErrorCode };
  /** A call failed, and its key is free for a retry. `attempt`: that of its handler, if it began. */
  "onceonly:released": EndedCallEvent & { readonly attempt: number | undefined; readonly error: ErrorFacts };
  /** An attempt was rolled back and is repeated, without a trace in the database. */
  "onceonly:retried": CallEvent & { readonly attempt: number; readonly error: ErrorFacts };
  /** A call has waited: for the end of another with the same key, or for a database that is away. */
  "onceonly:waited": CallEvent & {
    readonly cause: "duplicate" | "lease" | "lock" | "outage";
    readonly durationMs: number;
  };
  /** A handler begins that has been executed before, and did not come to an end. */
  "onceonly:takeover": CallEvent & { readonly attempt: number };
  /** An executor has lost its lease. `takenOver`: the database says so. */
  "onceonly:lease-lost": CallEvent & { readonly takenOver: boolean };
  /** Completers have given an abandoned run up after so many attempts. */
  "onceonly:given-up": CallEvent & { readonly attempts: number };
  /** A round of pruning has ended; with `error` if it failed. */
  "onceonly:pruned": {
    readonly deleted: number;
    readonly durationMs: number;
    readonly error: ErrorFacts | undefined;
  };
  /** `stats()` has found records that expired more than a day ago: nobody prunes. Told each time. */
  "onceonly:unpruned": {
    /** Counted up to 100,000. */
    readonly expired: number;
    readonly oldestExpiredAt: Date;
  };
  /** A call without a key was executed, and no record is kept. */
  "onceonly:unkeyed": { readonly mode: "transaction" | "lease" };
}

/** What an event says of an error: nothing that a client may have sent. */
export interface ErrorFacts {
  /** The name of its class. */
  readonly name: string;
  /** Its `code`, if that is a short word, such as `STORE_UNAVAILABLE` or `P2002`. */
  readonly code: string | undefined;
}

/** The parts of a call: each is a tracing channel of its own, `onceonly:claim` and so on. */
export type CallPhase = "claim" | "wait" | "execute" | "store";

/** The message of the tracing channels. The one of `onceonly:run` gets `outcome`, and that of `onceonly:execute` `attempt`. */
export interface TracedCall extends CallEvent {
  /** Of `onceonly:run`, when it has ended: the name of the event that says how. */
  readonly outcome?: "executed" | "stored" | "replayed" | "refused" | "released";
  /** Of `onceonly:execute`: number of this execution, from 1. */
  readonly attempt?: number;
  /** Of a call that has failed. */
  readonly error?: ErrorFacts;
}
