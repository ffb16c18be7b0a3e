import { ChosenIdempotency, type IdempotencyOption } from "../core/adapter/chosen-idempotency.ts";
import { checkAdapterOptions, checkRequireKey, type ScopeValue } from "../core/adapter/options.ts";
import { checkFunction, checkNumber, misuse } from "../core/browser/option-checks.ts";
import type { AnyIdempotencyError } from "../core/contract/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/contract/option-names.ts";
import { RUN_OPTIONS, type RunOptions, resolveOptions } from "../core/contract/options.ts";
import type { ProblemHeaders, RefusedRequestError } from "./problems/problem.ts";
import { outcomeOf, type ResponseHead, type ResponseOutcome } from "./response/outcome.ts";
import { storedHeadersOf } from "./response/stored-headers.ts";
import { storingResponses } from "./response/undone-response.ts";

/** Reads something from a request; `arg` is what the framework passes as its second argument. */
export type FromRequest<T, TRequest, TArg> = (request: TRequest, arg: TArg) => T | Promise<T>;

/** Options of {@link withIdempotency}. Those of {@link RunOptions} override what `createIdempotency` was given. */
export interface HttpIdempotencyOptions<TTransaction, TRequest extends Request = Request, TArg = unknown>
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
   * What is executed, for example `"POST /accounts/:id/deposits"`. Recommended. Default: method and path, so that every path
   * has its own keys; a slash at the end or twice makes no difference.
   */
  readonly operation?: string | FromRequest<string, TRequest, TArg>;
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
   * needs none and has none runs in a transaction, and no record is kept.
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

/** The options, checked and complete. */
export interface Settings<TTransaction, TRequest extends Request, TArg> {
  readonly idempotency: ChosenIdempotency<TTransaction, [request: TRequest, arg: TArg]>;
  readonly scope: "global" | FromRequest<ScopeValue, TRequest, TArg>;
  readonly operation: string | FromRequest<string, TRequest, TArg> | undefined;
  readonly key: FromRequest<string | null | undefined, TRequest, TArg> | undefined;
  readonly input: FromRequest<unknown, TRequest, TArg> | undefined;
  readonly requireKey: boolean | FromRequest<boolean, TRequest, TArg>;
  readonly methods: ReadonlySet<string>;
  readonly bodyBytesMax: number;
  readonly storedHeaders: ReadonlySet<string>;
  readonly outcome: (response: ResponseHead) => ResponseOutcome;
  readonly documentation: string | undefined;
  readonly problemHeaders: HttpIdempotencyOptions<TTransaction, TRequest, TArg>["problemHeaders"];
  readonly onProblem: HttpIdempotencyOptions<TTransaction, TRequest, TArg>["onProblem"];
}

const METHODS = ["POST", "PATCH"];
const BODY_BYTES_MAX = 1_048_576;

/** @throws TypeError that names the option, what it got and the remedy. */
export function settingsOf<TTransaction, TRequest extends Request, TArg>(
  options: HttpIdempotencyOptions<TTransaction, TRequest, TArg>,
): Settings<TTransaction, TRequest, TArg> {
  checkOptions(options);
  const {
    idempotency,
    scope,
    operation,
    key,
    input,
    requireKey = true,
    methods = METHODS,
    bodyBytesMax = BODY_BYTES_MAX,
    storedHeaders = [],
    outcome = outcomeOf,
    documentation,
    problemHeaders,
    onProblem,
    ...run
  } = options;
  resolveOptions(run);
  return {
    idempotency: new ChosenIdempotency(idempotency, (given) => {
      const runs = given.with(run);
      return runs.with(storingResponses(runs.options));
    }),
    scope,
    operation,
    key,
    input,
    requireKey,
    methods: new Set(methods),
    bodyBytesMax,
    storedHeaders: storedHeadersOf(storedHeaders),
    outcome,
    documentation,
    problemHeaders,
    onProblem,
  };
}

const OPTIONS: OptionNames<Required<HttpIdempotencyOptions<never>>> = {
  ...RUN_OPTIONS,
  idempotency: true,
  input: true,
  scope: true,
  operation: true,
  key: true,
  requireKey: true,
  methods: true,
  bodyBytesMax: true,
  storedHeaders: true,
  outcome: true,
  documentation: true,
  problemHeaders: true,
  onProblem: true,
};

/** Methods that have nothing to make exactly-once (RFC 9110, section 9.2.1). */
const SAFE_METHODS: ReadonlySet<unknown> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

function checkOptions(options: unknown): void {
  if (typeof options !== "object" || options === null) {
    throw misuse("(the first argument)", options, "an object such as { idempotency, scope }");
  }
  const { idempotency, scope, operation, key, methods, bodyBytesMax, documentation, ...rest } =
    options as Record<string, unknown>;
  checkAdapterOptions({ idempotency, scope, provide: undefined }, '(request) => ..., or "global" spelt out');
  if (
    operation !== undefined &&
    typeof operation !== "function" &&
    (typeof operation !== "string" || operation === "")
  ) {
    throw misuse(
      "operation",
      operation,
      'a name such as "POST /accounts/:id/deposits", or a function that gives it',
    );
  }
  checkFunction("key", key, '(request) => request.headers.get("x-request-id")');
  checkRequireKey(options, "require", '(request) => request.headers.has("x-api-version")');
  checkMethods(methods);
  checkNumber("bodyBytesMax", bodyBytesMax, 0);
  checkFunction("input", rest["input"], "async (request) => (await request.json()).eventId");
  checkFunction("outcome", rest["outcome"], '({ status }) => (status < 400 ? "commit" : "release")');
  checkProblemHeaders(rest["problemHeaders"]);
  checkFunction("onProblem", rest["onProblem"], "(error) => console.error(error)");
  if (documentation !== undefined && !isAbsoluteUrl(documentation)) {
    throw misuse(
      "documentation",
      documentation,
      "an absolute URL such as https://example.com/docs/idempotency",
    );
  }
  checkOptionNames(options, OPTIONS);
}

function checkProblemHeaders(headers: unknown): void {
  if (headers !== undefined && typeof headers !== "function" && !areHeaders(headers)) {
    throw misuse(
      "problemHeaders",
      headers,
      'headers such as { "access-control-allow-origin": "https://example.com" }, or a function that returns them',
    );
  }
}

function areHeaders(value: unknown): boolean {
  try {
    return typeof new Headers(value as ProblemHeaders) === "object";
  } catch {
    return false;
  }
}

function checkMethods(methods: unknown): void {
  const usable = (method: unknown): boolean =>
    typeof method === "string" && /^[A-Z]+$/.test(method) && !SAFE_METHODS.has(method);
  if (methods !== undefined && !(Array.isArray(methods) && methods.length > 0 && methods.every(usable))) {
    const shown: unknown = Array.isArray(methods) ? methods.find((method) => !usable(method)) : methods;
    throw misuse(
      "methods",
      shown,
      'a list of unsafe methods in capitals, such as ["POST", "PATCH", "PUT", "DELETE"]',
    );
  }
}

function isAbsoluteUrl(value: unknown): boolean {
  // The header puts it between angle brackets.
  return typeof value === "string" && URL.canParse(value) && !/[\s<>]/.test(value);
}
