import type { Finding } from "../upkeep/finding.ts";

/** What each {@link IdempotencyErrorCode} carries besides its message. */
export interface IdempotencyErrorDetails {
  /** No key was sent where one is required. */
  KEY_MISSING: { readonly operation: string };
  /** The key, or the header that carries it, is malformed. */
  KEY_INVALID: { readonly reason: KeyProblem };
  /** The input cannot be compared with that of a retry. Nothing was executed. */
  INPUT_INVALID: { readonly operation: string; readonly reason: InputProblem };
  /** The key was used before with another input. */
  KEY_REUSED: { readonly operation: string };
  /** The same key is being executed elsewhere, and did not finish within `waitMs`. */
  IN_PROGRESS: { readonly operation: string };
  /** A run in one transaction found its claim gone, and was rolled back: somebody has changed or deleted its record. */
  CLAIM_LOST: { readonly operation: string };
  /**
   * A leased run lost its lease, and stored nothing more. `takenOver`: the database says that it is no longer its own, as another
   * executor has it or the record was deleted. Otherwise it could not be renewed in time, and another executor may have it.
   */
  LEASE_LOST: { readonly operation: string; readonly takenOver: boolean };
  /** Completers have given an abandoned run up: none of its `attempts` executions came to an end. */
  ATTEMPTS_EXHAUSTED: { readonly operation: string; readonly attempts: number };
  /**
   * The database could not be reached, for a reason that passes. A handler may have run: what it wrote in its transaction is
   * undone, and the key is free. If COMMIT had been sent, its outcome may be unknown, and a retry finds out. What the steps
   * of a leased run had recorded stays.
   */
  STORE_UNAVAILABLE: { readonly operation: string };
  /** Tables, provider or driver are not as they must be: no retry helps. */
  STORE_MISCONFIGURED: { readonly operation: string; readonly findings?: readonly Finding[] };
  /** The result of the handler, or of a step, was not stored, as it could not be replayed. */
  RESULT_UNSTORABLE: { readonly operation: string; readonly path?: string };
  /** The stored result cannot be read by this process. */
  RESULT_UNREADABLE: { readonly operation: string };
  /** The scope function returned nothing, or what cannot be stored: without a scope, two users could see each other's results. */
  SCOPE_MISSING: { readonly operation: string };
}

/** The literal codes of {@link IdempotencyError}. Each adapter maps them to its transport. */
export type IdempotencyErrorCode = keyof IdempotencyErrorDetails;

/** Why a key was refused. */
export type KeyProblem =
  | "not_a_string"
  | "empty"
  | "too_long"
  | "not_printable_ascii"
  | "malformed_header"
  /** A header for a batch has another number of keys than the batch has calls. */
  | "count_mismatch"
  /** One request, or one root field, carries two different keys. */
  | "conflicting_keys";

/** Why an input was refused: its size, its levels, or a part that shows nothing of itself, such as a stream. */
export type InputProblem = "too_large" | "too_deep" | "not_comparable";

/** Whether the request was refused for its size, which transports tell apart from other mistakes. */
export function isTooLarge({
  code,
  details,
}: {
  readonly code: string;
  readonly details?: unknown;
}): boolean {
  return (
    code === "INPUT_INVALID" && (details as { readonly reason?: unknown } | undefined)?.reason === "too_large"
  );
}

/** Codes after which the same request may be sent again with the same key. */
const RETRYABLE: ReadonlySet<IdempotencyErrorCode> = new Set([
  "IN_PROGRESS",
  "CLAIM_LOST",
  "LEASE_LOST",
  "STORE_UNAVAILABLE",
]);

const DEFAULT_RETRY_AFTER_MS = 1_000;

// Two copies of this package in one process do not share a class, but they do share registered symbols.
const BRAND: unique symbol = Symbol.for("onceonly.IdempotencyError") as never;

/** Every failure this library reports about a run. Misuse of an option is a `TypeError` instead. */
export class IdempotencyError<TCode extends IdempotencyErrorCode = IdempotencyErrorCode> extends Error {
  override readonly name = "IdempotencyError";
  /** Stable and literal: `switch` on it. */
  readonly code: TCode;
  readonly details: IdempotencyErrorDetails[TCode];
  /** Whether the same request with the same key may succeed later. */
  readonly retryable: boolean;
  /** How long to wait before a retry, in milliseconds; only if {@link retryable}. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: TCode,
    message: string,
    details: IdempotencyErrorDetails[TCode],
    options: { readonly cause?: unknown } = {},
  ) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.details = details;
    this.retryable = RETRYABLE.has(code);
    this.retryAfterMs = this.retryable ? DEFAULT_RETRY_AFTER_MS : undefined;
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** Discriminated by `code`, so that `switch (error.code)` narrows `error.details`. */
export type AnyIdempotencyError = {
  [TCode in IdempotencyErrorCode]: IdempotencyError<TCode>;
}[IdempotencyErrorCode];

/**
 * Whether `value` is an {@link IdempotencyError}, including one from another copy of this package.
 * Use it instead of `instanceof`.
 */
export function isIdempotencyError(value: unknown): value is AnyIdempotencyError {
  return typeof value === "object" && value !== null && BRAND in value;
}

/** Frameworks wrap what a step threw, as tRPC does in a TRPCError; only our own error says that a retry makes sense. */
export function unwrapped(error: unknown): unknown {
  const cause = error instanceof Error ? error.cause : undefined;
  return !isIdempotencyError(error) && isIdempotencyError(cause) && cause.retryable ? cause : error;
}
