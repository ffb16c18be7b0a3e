import type { IdempotencyOption } from "../core/adapter/chosen-idempotency.ts";
import type { Mode, ScopeValue } from "../core/adapter/options.ts";
import type { AnyIdempotencyError } from "../core/contract/errors/errors.ts";
import type { RunOptions } from "../core/contract/options/options.ts";
import type { ProblemHeaders, RefusedRequestError } from "./problems/problem.ts";
import type { ResponseHead, ResponseOutcome } from "./response/outcome.ts";

/** Reads something from a request; `arg` is what the framework passes as its second argument. */
export type FromRequest<T, TRequest, TArg> = (request: TRequest, arg: TArg) => T | Promise<T>;

/** Options of {@link withIdempotency}, in either mode. Those of {@link RunOptions} override what `createIdempotency` was given. */
export interface CommonHttpOptions<TTransaction, TRequest extends Request = Request, TArg = unknown>
  extends RunOptions {
  /**
   * Made by `createIdempotency`: one for the whole application, or a function that gives that of a request, for one database
   * per tenant. A function must give the same object for the same database.
   */
  readonly idempotency: IdempotencyOption<TTransaction, [request: TRequest, arg: TArg]>;
  /**
   * Who may share a key, for example the user's id: two scopes never see each other's results. Never a
   * token: the scope is stored in the clear, and with another token a retry executes again. `"global"` if there is only one
   * client, or keys are secrets.
   */
  readonly scope: "global" | FromRequest<ScopeValue, TRequest, TArg>;
  /**
   * Reads the key from somewhere other than the header `Idempotency-Key`, for example from a webhook's own header. If it
   * returns nothing, the header counts. It may read the body of a `request.clone()`.
   */
  readonly key?: FromRequest<string | null | undefined, TRequest, TArg>;
  /**
   * What a retry must repeat, for example the event's id where a webhook is delivered again with another time in it. It may
   * read the body. Default: method, path, query, media type and body.
   */
  readonly input?: FromRequest<unknown, TRequest, TArg>;
  /**
   * Whether a request needs a key. Default `true`: without one it is answered with 400, `KEY_MISSING`. A request that
   * needs none and has none runs in a transaction (in mode `lease`: with steps that are not recorded), and no record is kept.
   */
  readonly requireKey?: boolean | FromRequest<boolean, TRequest, TArg>;
  /** The methods that are made exactly-once. Default `["POST", "PATCH"]`; all others pass through untouched. */
  readonly methods?: readonly string[];
  /** The longest request body, in bytes. Default 1,048,576. */
  readonly bodyBytesMax?: number;
  /**
   * Response headers to store in addition to `content-type`, `access-control-*` and the like. `set-cookie`, `date`, `content-length` and
   * connection headers are never stored.
   */
  readonly storedHeaders?: readonly string[];
  /** What a response does to the run. Default {@link outcomeOf}. */
  readonly outcome?: (response: ResponseHead) => ResponseOutcome;
  /**
   * The page of your API's documentation, as an absolute URL: a problem's `Link` header names it, and its `type` is a fragment
   * of it, such as `#in-progress`. Default: no `Link`, and `urn:onceonly:problem:in-progress`.
   */
  readonly documentation?: string;
  /**
   * Headers of the problems that are answered, such as those of CORS, without which a page of another origin cannot read
   * them. Those of the problem itself come first.
   */
  readonly problemHeaders?: ProblemHeaders | ((request: TRequest) => ProblemHeaders);
  /**
   * Called for every problem that is answered, for your log: the problem's `cause` does not reach the client. The answer
   * does not wait for it. If it fails, that is a process warning.
   */
  readonly onProblem?: (error: AnyIdempotencyError | RefusedRequestError, request: TRequest) => unknown;
}

/** Options of {@link withIdempotency} for a handler that runs in one transaction. */
export interface HttpIdempotencyOptions<TTransaction, TRequest extends Request = Request, TArg = unknown>
  extends CommonHttpOptions<TTransaction, TRequest, TArg> {
  /** What a run is: one transaction, or a lease with steps that are recorded one by one. Default `"transaction"`. */
  readonly mode?: "transaction";
  /**
   * What is executed, for example `"POST /accounts/:id/deposits"`. Recommended. Default: method and path, so that every path
   * has its own keys; a slash at the end or twice makes no difference.
   */
  readonly operation?: string | FromRequest<string, TRequest, TArg>;
}

/** Options of {@link withIdempotency} in mode `lease`. */
export interface HttpLeaseOptions<TTransaction, TRequest extends Request = Request, TArg = unknown>
  extends CommonHttpOptions<TTransaction, TRequest, TArg> {
  /**
   * For handlers that call other services, or take longer than a transaction may. Instead of `tx`, the handler gets `step` and
   * `transaction`, whose results are recorded one by one.
   */
  readonly mode: "lease";
  /** What is executed, for example `"POST /payments"`: the name by which a completer, which has no request, finds the handler. */
  readonly operation: string;
  /**
   * The headers of the request that the handler gets, besides those that describe the body. With `storeInput` they are
   * stored in the clear, with method, URL and body, as that is what a completer calls the handler with. Default: none.
   */
  readonly requestHeaders?: readonly string[];
}

/** Options that have not yet been checked for fitting together. */
export interface AnyModeOptions<TTransaction, TRequest extends Request, TArg>
  extends CommonHttpOptions<TTransaction, TRequest, TArg> {
  readonly mode?: Mode;
  readonly operation?: string | FromRequest<string, TRequest, TArg>;
  readonly requestHeaders?: readonly string[];
}
