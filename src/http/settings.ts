import { ChosenIdempotency } from "../core/adapter/chosen-idempotency.ts";
import {
  checkAdapterOptions,
  checkMode,
  checkRequireKey,
  type Mode,
  type ScopeValue,
} from "../core/adapter/options.ts";
import { checkFunction, checkNumber, misuse } from "../core/browser/option-checks.ts";
import { checkOptionNames, type OptionNames } from "../core/contract/options/option-names.ts";
import { RUN_OPTIONS, resolveOptions } from "../core/contract/options/options.ts";
import type { AnyModeOptions, CommonHttpOptions, FromRequest } from "./options.ts";
import type { ProblemHeaders } from "./problems/problem.ts";
import { requestHeadersOf } from "./request/stored-request.ts";
import { outcomeOf, type ResponseHead, type ResponseOutcome } from "./response/outcome.ts";
import { storedHeadersOf } from "./response/stored-headers.ts";
import { storingResponses } from "./response/undone-response.ts";
import { explainingArg } from "./second-argument.ts";

/** The options, checked and complete. */
export interface Settings<TTransaction, TRequest extends Request, TArg> {
  readonly idempotency: ChosenIdempotency<TTransaction, [request: TRequest, arg: TArg]>;
  readonly mode: Mode;
  readonly scope: "global" | FromRequest<ScopeValue, TRequest, TArg>;
  readonly operation: string | FromRequest<string, TRequest, TArg> | undefined;
  readonly key: FromRequest<string | null | undefined, TRequest, TArg> | undefined;
  readonly input: FromRequest<unknown, TRequest, TArg> | undefined;
  readonly requireKey: boolean | FromRequest<boolean, TRequest, TArg>;
  readonly methods: ReadonlySet<string>;
  readonly bodyBytesMax: number;
  /** Of the request that a leased handler gets, in lower case. */
  readonly requestHeaders: ReadonlySet<string>;
  readonly storedHeaders: ReadonlySet<string>;
  readonly outcome: (response: ResponseHead) => ResponseOutcome;
  readonly documentation: string | undefined;
  readonly problemHeaders: CommonHttpOptions<TTransaction, TRequest, TArg>["problemHeaders"];
  readonly onProblem: CommonHttpOptions<TTransaction, TRequest, TArg>["onProblem"];
}

const METHODS = ["POST", "PATCH"];
const BODY_BYTES_MAX = 1_048_576;

/** @throws TypeError that names the option, what it got and the remedy. */
export function settingsOf<TTransaction, TRequest extends Request, TArg>(
  options: AnyModeOptions<TTransaction, TRequest, TArg>,
): Settings<TTransaction, TRequest, TArg> {
  checkOptions(options);
  const {
    idempotency,
    mode = "transaction",
    scope,
    operation,
    key,
    input,
    requireKey = true,
    methods = METHODS,
    bodyBytesMax = BODY_BYTES_MAX,
    requestHeaders = [],
    storedHeaders = [],
    outcome = outcomeOf,
    documentation,
    problemHeaders,
    onProblem,
    ...run
  } = options;
  resolveOptions(run);
  return {
    idempotency: new ChosenIdempotency(explained("idempotency", idempotency), (given) => {
      const runs = given.with(run);
      return runs.with(storingResponses(runs.options));
    }),
    mode,
    scope: explained("scope", scope),
    operation: explained("operation", operation),
    key: explained("key", key),
    input: explained("input", input),
    requireKey: explained("requireKey", requireKey),
    methods: new Set(methods),
    bodyBytesMax,
    requestHeaders: requestHeadersOf(requestHeaders),
    storedHeaders: storedHeadersOf(storedHeaders),
    outcome,
    documentation,
    problemHeaders,
    onProblem,
  };
}

/** For options that may be something else than a function. */
function explained<TOption>(option: string, given: TOption): TOption {
  return typeof given === "function"
    ? (explainingArg(option, given as FromRequest<unknown, unknown, unknown>) as TOption)
    : given;
}

const OPTIONS: OptionNames<Required<AnyModeOptions<never, never, never>>> = {
  ...RUN_OPTIONS,
  idempotency: "required",
  mode: true,
  requestHeaders: true,
  input: true,
  scope: "required",
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
  checkModeOptions(rest["mode"], operation, rest["requestHeaders"]);
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

function checkModeOptions(mode: unknown, operation: unknown, requestHeaders: unknown): void {
  checkMode(mode);
  const isName = typeof operation === "string" && operation !== "";
  if (mode === "lease" && !isName) {
    throw misuse(
      "operation",
      operation,
      'a name such as "POST /payments", as a completer must find the handler of mode "lease" without a request',
    );
  }
  if (operation !== undefined && typeof operation !== "function" && !isName) {
    throw misuse(
      "operation",
      operation,
      'a name such as "POST /accounts/:id/deposits", or a function that gives it',
    );
  }
  if (mode !== "lease" && requestHeaders !== undefined) {
    throw misuse(
      "requestHeaders",
      requestHeaders,
      'none but with mode "lease": the handler gets the request itself',
    );
  }
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
