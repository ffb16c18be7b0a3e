import type { TRPCCombinedDataTransformer, TRPCDataTransformer, TRPCError } from "@trpc/server";
import {
  checkAdapterOptions,
  checkModeAndProvide,
  type Mode,
  type ScopeValue,
} from "../core/adapter-options.ts";
import { transformerCodec } from "../core/codec.ts";
import type { Idempotency } from "../core/idempotency.ts";
import { checkFunction, misuse } from "../core/misuse.ts";
import { type RunOptions, resolveOptions } from "../core/options.ts";
import { isExpectedError } from "./expected-error.ts";
import { checkPolicy, DEFAULT_POLICY, type IdempotencyPolicy } from "./policy.ts";
import { type RequestParts, requestIn } from "./request.ts";
import { trpcErrorSerializer } from "./stored-error.ts";

/** What the functions among the options get. */
export interface MutationCall<TContext, TInput> {
  readonly ctx: TContext;
  /** Parsed, as the middleware stands after `.input()`. */
  readonly input: TInput;
  /** The procedure's path, for example `orders.place`. */
  readonly path: string;
}

/** Options of {@link idempotencyMiddleware}, in either mode. */
export interface CommonMiddlewareOptions<TTransaction, TContext, TInput>
  extends Omit<RunOptions, "storeError"> {
  /** Made by `createIdempotency`; one for the whole application. */
  readonly idempotency: Idempotency<TTransaction>;
  /**
   * Who may share a key, for example the user's id: two scopes never see each other's results. `"global"` if there
   * is but one client, or keys are secrets.
   */
  readonly scope: "global" | ((call: MutationCall<TContext, TInput>) => ScopeValue | Promise<ScopeValue>);
  /**
   * Reads the key from elsewhere than the header, for example from the input, for WebSockets and `createCaller`.
   * Where it gives nothing, the header counts.
   */
  readonly key?: (
    call: MutationCall<TContext, TInput>,
  ) => string | null | undefined | Promise<string | null | undefined>;
  /** Whether mutations need a key. Default `"required"`. `meta.idempotency` of a procedure overrides it. */
  readonly policy?: IdempotencyPolicy;
  /**
   * The router's own transformer, for example superjson, where results hold what only it can bring back, such as
   * instances of registered classes. Results are then stored as it writes them, and a replay is as exact as it is:
   * superjson disorders a `Set` whose members stand elsewhere in the result too. Default: `codec`.
   */
  readonly transformer?: TRPCDataTransformer | TRPCCombinedDataTransformer;
  /**
   * Finds the HTTP request in a context of another shape than `createContext`'s own arguments: those are
   * `{ req, info, resHeaders }` or `{ req, info, res }`, or `{ headers, info }`.
   */
  readonly request?: (call: { readonly ctx: TContext }) => RequestParts;
  /**
   * Which errors are an answer: stored, and the same on every duplicate. Any other releases the key. Default: what
   * `createIdempotency` got, else {@link isExpectedError}.
   */
  readonly storeError?: (error: TRPCError) => boolean;
}

/** Options of {@link idempotencyMiddleware}. Those of {@link RunOptions} override what `createIdempotency` got. */
export interface IdempotencyMiddlewareOptions<TTransaction, TContext, TInput, TProvide extends string>
  extends CommonMiddlewareOptions<TTransaction, TContext, TInput> {
  /** What a run is: one transaction, or a lease with steps that are recorded one by one. Default `"transaction"`. */
  readonly mode?: "transaction";
  /**
   * The property of `ctx` that holds the transaction inside the handler. Default `"tx"`. With the name of the
   * application's own client, existing resolvers join the transaction unchanged.
   */
  readonly provide?: TProvide;
}

/** Options of {@link idempotencyMiddleware} in mode `lease`. There is no `provide`: each step has its transaction. */
export interface LeaseMiddlewareOptions<TTransaction, TContext, TInput>
  extends CommonMiddlewareOptions<TTransaction, TContext, TInput> {
  /**
   * For handlers that call other services, or take longer than a transaction may: `ctx.idempotency` carries `step` and
   * `transaction`, whose results are recorded one by one, instead of a transaction around the handler.
   */
  readonly mode: "lease";
}

/** The options, checked and complete. */
export interface Settings<TTransaction, TContext, TInput>
  extends Required<
    Pick<CommonMiddlewareOptions<TTransaction, TContext, TInput>, "idempotency" | "scope" | "policy">
  > {
  readonly mode: Mode;
  /** Of no use in mode `lease`. */
  readonly provide: string;
  readonly key: CommonMiddlewareOptions<TTransaction, TContext, TInput>["key"];
  readonly request: (call: { readonly ctx: TContext }) => RequestParts;
  readonly run: RunOptions;
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
    provide = "tx",
    key,
    policy = DEFAULT_POLICY,
    request = requestIn,
    ...rest
  } = options;
  const {
    transformer,
    storeError = idempotency.options.storeError ?? isExpectedError,
    errors = trpcErrorSerializer,
    ...overrides
  } = rest;
  const codec = transformer === undefined ? {} : { codec: transformerCodec(outputOf(transformer)) };
  const run: RunOptions = {
    ...overrides,
    ...codec,
    errors,
    // tRPC makes a TRPCError of whatever a handler throws.
    storeError: (storeError ?? idempotency.options.storeError ?? isExpectedError) as (
      error: unknown,
    ) => boolean,
  };
  resolveOptions(run);
  return { idempotency, scope, mode, provide, key, policy, request, run };
}

/** Options of which it is not known yet whether they fit together. */
export interface AnyModeOptions<TTransaction, TContext, TInput>
  extends CommonMiddlewareOptions<TTransaction, TContext, TInput> {
  readonly mode?: Mode;
  readonly provide?: string;
}

function outputOf(transformer: TRPCDataTransformer | TRPCCombinedDataTransformer): TRPCDataTransformer {
  return "output" in transformer ? transformer.output : transformer;
}

function checkOwnOptions(options: unknown): void {
  if (typeof options !== "object" || options === null) {
    throw misuse("(the first argument)", options, "an object such as { idempotency, scope }");
  }
  const { idempotency, scope, mode, provide, key, policy, transformer, codec, request } = options as Record<
    string,
    unknown
  >;
  checkAdapterOptions({ idempotency, scope, provide }, '({ ctx }) => ctx.user.id, or "global" spelt out');
  checkModeAndProvide(mode, provide);
  checkFunction("key", key, "({ input }) => input.idempotencyKey");
  checkFunction("request", request, "({ ctx }) => ({ headers: ctx.request.headers, info: ctx.info })");
  checkPolicy("policy", policy);
  checkTransformer(transformer);
  if (transformer !== undefined && codec !== undefined) {
    throw misuse("codec", codec, "either transformer or codec, as both say how results are stored");
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
