import { checkFunction, checkNames, checkNumber } from "../core/browser/option-checks.ts";

/** A request that has no key yet. */
export interface OutgoingRequest {
  /** In upper case. */
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  /** As it was given to `fetch`; `undefined` when a `Request` object carries it. */
  readonly body: RequestInit["body"];
}

/** Options of {@link idempotentFetch}. Times are in milliseconds. */
export interface IdempotentFetchOptions {
  /** What sends a request. Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /**
   * Whether a request without a key gets one, and with it retries. Default: POST and PATCH. PUT and DELETE are left as
   * they are: servers rarely take a key for them.
   */
  readonly shouldKey?: (request: OutgoingRequest) => boolean;
  /** The maximum number of times a request is sent, the first included. Default 5. */
  readonly attemptsMax?: number;
  /** How long one attempt may take, answer included. Default 20,000. */
  readonly attemptMs?: number;
  /** How long all attempts and the pauses between them may take. Default 60,000. */
  readonly totalMs?: number;
  /** The upper bound of the first random pause; it doubles with each attempt. Default 250. */
  readonly backoffMs?: number;
  /** The limit up to which the upper bound of a pause grows. Default 8,000. A server's `Retry-After` may ask for more. */
  readonly backoffMsMax?: number;
}

export type Settings = Required<IdempotentFetchOptions>;

export function settingsOf(options: IdempotentFetchOptions): Settings {
  const {
    // Looked up late: tests, polyfills and instrumentation replace the global one.
    fetch = (...request) => globalThis.fetch(...request),
    shouldKey = ({ method }) => method === "POST" || method === "PATCH",
    attemptsMax = 5,
    attemptMs = 20_000,
    totalMs = 60_000,
    backoffMs = 250,
    backoffMsMax = 8_000,
  } = options;
  checkFunction("fetch", fetch, "globalThis.fetch");
  checkFunction("shouldKey", shouldKey, "() => true");
  const numbers = { attemptsMax, attemptMs, totalMs, backoffMs, backoffMsMax };
  for (const [option, value] of Object.entries(numbers)) {
    checkNumber(option, value, 1);
  }
  const settings = { fetch, shouldKey, ...numbers };
  checkNames(options, Object.keys(settings));
  return settings;
}
