import type { TRPCCombinedDataTransformer, TRPCDataTransformer, TRPCError } from "@trpc/server";
import { ChosenIdempotency, type IdempotencyOption } from "../core/adapter/chosen-idempotency.ts";
import {
  checkAdapterOptions,
  checkModeAndProvide,
  checkRequireKey,
  type Mode,
  type ScopeValue,
} from "../core/adapter/options.ts";
import { checkFunction, checkNumber, misuse } from "../core/browser/option-checks.ts";
import { transformerCodec } from "../core/contract/options/codec.ts";
import { checkOptionNames, type OptionNames } from "../core/contract/options/option-names.ts";
import { RUN_OPTIONS, type RunOptions, resolveOptions } from "../core/contract/options/options.ts";
import { isExpectedError } from "./errors/expected-error.ts";
import { isParserError } from "./errors/parser-error.ts";
import { trpcErrorSerializer } from "./errors/stored-error.ts";
import type { InputRequest, MutationCall } from "./request/procedure-call.ts";
import { type RequestParts, requestIn } from "./request/request-parts.ts";

/** Options of {@link idempotencyMiddleware}, in either mode. */
export interface CommonMiddlewareOptions<TTransaction, TContext, TInput>
  extends Omit<RunOptions, "storeError"> {
  /**
   * Made by `createIdempotency`: one for the whole application, or a function that gives that of a call, for one database
   * per tenant. A function must give the same object for the same database.
   */
  readonly idempotency: IdempotencyOption<TTransaction, [call: MutationCall<TContext, TInput>]>;
  /**
   * Who may share a key, for example the user's id: two scopes never see each other's results. Never a
   * token: the scope is stored in the clear, and with another token a retry executes again. `"global"` if there is only one
   * client, or keys are secrets.
   */
  readonly scope: "global" | ((call: MutationCall<TContext, TInput>) => ScopeValue | Promise<ScopeValue>);
  /**
   * Reads the key from somewhere other than the header, for example from the input, for WebSockets and `createCaller`. If
   * it returns nothing, the header counts.
   */
  readonly key?: (
    call: MutationCall<TContext, TInput>,
  ) => string | null | undefined | Promise<string | null | undefined>;
  /**
   * What a retry must repeat, for clients that send what they cannot repeat, such as the time. Default: the raw input.
   * An input that cannot be compared, such as an instance of a class of your transformer's that shows nothing of itself,
   * needs it. A stream is then neither read nor kept.
   */
  readonly input?: (call: InputRequest<TContext, TInput>) => unknown;
  /**
   * The longest input that is a stream, such as that of `octetInputParser`, in bytes: all of it is held in memory. Default
   * 16,777,216. A longer one is `PAYLOAD_TOO_LARGE`, whose `cause` is `INPUT_INVALID`. How long other inputs may be, your
   * server says.
   */
  readonly bodyBytesMax?: number;
  /**
   * The name that a mutation is recorded under: 1 to 255 characters. Two mutations with one name share their keys.
   * Default: its path. A function is not accepted with mode `lease`, whose completer has no call to give it.
   */
  readonly operation?: string | ((call: MutationCall<TContext, TInput>) => string | Promise<string>);
  /**
   * Whether a mutation needs a key. Default `true`: without one it fails with `BAD_REQUEST`, whose `cause` is
   * `KEY_MISSING`. A mutation that needs none and has none runs in a transaction (in mode `lease`: with steps that are not
   * recorded), and no record is kept. `meta.idempotency` of a procedure overrides this option.
   */
  readonly requireKey?: boolean | ((call: MutationCall<TContext, TInput>) => boolean | Promise<boolean>);
  /**
   * The router's own transformer, for example superjson, if results hold values that only it can restore, such as
   * instances of registered classes. Results are then stored as it writes them, and a replay is only as exact as it is:
   * superjson changes the order of a `Set` whose members also occur elsewhere in the result. Default: `codec`.
   */
  readonly transformer?: TRPCDataTransformer | TRPCCombinedDataTransformer;
  /**
   * Finds the HTTP request in a context shaped differently from `createContext`'s own arguments, which are
   * `{ req, info, resHeaders }`, `{ req, info, res }`, or `{ headers, info }`.
   */
  readonly request?: (call: { readonly ctx: TContext }) => RequestParts;
  /**
   * Which errors are an answer: stored, and returned to every duplicate. Any other error releases the key. Default: what
   * `createIdempotency` was given, else {@link isExpectedError}. The error of a parser that stands after the middleware is
   * never asked about, and never stored.
   */
  readonly storeError?: (error: TRPCError) => boolean;
}

/** Options of {@link idempotencyMiddleware}. Those of {@link RunOptions} override what `createIdempotency` was given. */
export interface IdempotencyMiddlewareOptions<TTransaction, TContext, TInput, TProvide extends string>
  extends CommonMiddlewareOptions<TTransaction, TContext, TInput> {
  /** What a run is: one transaction, or a lease with steps that are recorded one by one. Default `"transaction"`. */
  readonly mode?: "transaction";
  /**
   * The property of `ctx` that holds the transaction inside the handler. Default `"tx"`. If it has the name of the
   * application's own client, existing resolvers join the transaction unchanged.
   */
  readonly provide?: TProvide;
}

/** Options of {@link idempotencyMiddleware} in mode `lease`. There is no `provide`: each step has its own transaction. */
export interface LeaseMiddlewareOptions<TTransaction, TContext, TInput>
  extends CommonMiddlewareOptions<TTransaction, TContext, TInput> {
  /**
   * For handlers that call other services, or take longer than a transaction may. Instead of a transaction around the
   * handler, `ctx.idempotency` has `step` and `transaction`, whose results are recorded one by one.
   */
  readonly mode: "lease";
}

/** The options, checked and complete. */
export interface Settings<TTransaction, TContext, TInput>
  extends Required<
    Pick<CommonMiddlewareOptions<TTransaction, TContext, TInput>, "scope" | "requireKey" | "bodyBytesMax">
  > {
  readonly mode: Mode;
  /** Unused in mode `lease`. */
  readonly provide: string | undefined;
  readonly key: CommonMiddlewareOptions<TTransaction, TContext, TInput>["key"];
  readonly input: CommonMiddlewareOptions<TTransaction, TContext, TInput>["input"];
  readonly operation: CommonMiddlewareOptions<TTransaction, TContext, TInput>["operation"];
  readonly request: (call: { readonly ctx: TContext }) => RequestParts;
  /** With the options of the middleware. */
  readonly idempotency: ChosenIdempotency<TTransaction, [call: MutationCall<TContext, TInput>]>;
}

/** @throws TypeError that names the option, what it got and the remedy. */
export function settingsOf<TTransaction, TContext, TInput>(
  options: AnyModeOptions<TTransaction, TContext, TInput>,
): Settings<TTransaction, TContext, TInput> {
  checkOwnOptions(options);
  const {
    idempotency,
    scope,
    mode = "transaction",
    provide,
    key,
    input,
    bodyBytesMax = 16 * 1_048_576,
    operation,
    requireKey = true,
    request = requestIn,
    ...rest
  } = options;
  const { transformer, storeError, errors = trpcErrorSerializer, ...overrides } = rest;
  const codec = transformer === undefined ? {} : { codec: transformerCodec(outputOf(transformer)) };
  const run: RunOptions = { ...overrides, ...codec, errors };
  resolveOptions(run);
  const chosen = new ChosenIdempotency(idempotency, (given) => {
    const isStored = storeError ?? given.options.storeError ?? isExpectedError;
    // tRPC makes a TRPCError of whatever a handler throws.
    return given.with({
      ...run,
      storeError: (error) => !isParserError(error as TRPCError) && isStored(error as TRPCError),
    });
  });
  const call = { scope, key, input, bodyBytesMax, operation, requireKey, request };
  return { idempotency: chosen, mode, provide, ...call };
}

/** Options that have not yet been checked for fitting together. */
export interface AnyModeOptions<TTransaction, TContext, TInput>
  extends CommonMiddlewareOptions<TTransaction, TContext, TInput> {
  readonly mode?: Mode;
  readonly provide?: string;
}

function outputOf(transformer: TRPCDataTransformer | TRPCCombinedDataTransformer): TRPCDataTransformer {
  return "output" in transformer ? transformer.output : transformer;
}

const OPTIONS: OptionNames<Required<AnyModeOptions<never, never, never>>> = {
  ...RUN_OPTIONS,
  idempotency: "required",
  operation: true,
  input: true,
  bodyBytesMax: true,
  scope: "required",
  mode: true,
  provide: true,
  key: true,
  requireKey: true,
  request: true,
  transformer: true,
};

function checkOwnOptions(options: unknown): void {
  if (typeof options !== "object" || options === null) {
    throw misuse("(the first argument)", options, "an object such as { idempotency, scope }");
  }
  const { idempotency, scope, mode, provide, key, input, operation, transformer, codec, request, ...rest } =
    options as Record<string, unknown>;
  checkNumber("bodyBytesMax", rest["bodyBytesMax"], 0);
  checkAdapterOptions({ idempotency, scope, provide }, '({ ctx }) => ctx.user.id, or "global" spelt out');
  checkModeAndProvide(mode, provide);
  checkFunction("key", key, "({ input }) => input.idempotencyKey");
  checkFunction("input", input, "({ rawInput }) => rawInput.orderId");
  checkOperation(operation, mode);
  checkFunction("request", request, "({ ctx }) => ({ headers: ctx.request.headers, info: ctx.info })");
  checkRequireKey(options, "policy", "({ ctx }) => ctx.apiVersion > 1");
  checkFunction("storeError", rest["storeError"], '(error) => error.code === "NOT_FOUND"');
  checkTransformer(transformer);
  checkOptionNames(options, OPTIONS);
  if (transformer !== undefined && codec !== undefined) {
    throw misuse("codec", codec, "either transformer or codec, as both say how results are stored");
  }
}

function checkOperation(operation: unknown, mode: unknown): void {
  if (mode === "lease" && typeof operation === "function") {
    throw misuse("operation", operation, "a name, as a completer must find the mutation without a call");
  }
  if (typeof operation !== "string" || operation === "") {
    checkFunction("operation", operation, "({ path }) => `v1.${path}`, or a name such as orders.place");
  }
}

function checkTransformer(transformer: unknown): void {
  if (transformer === undefined) {
    return;
  }
  const whole = (transformer ?? {}) as { readonly output?: unknown };
  const { serialize, deserialize } = (whole.output ?? whole) as Partial<TRPCDataTransformer>;
  if (typeof serialize !== "function" || typeof deserialize !== "function") {
    throw misuse("transformer", transformer, "the transformer of initTRPC.create, for example superjson");
  }
}
