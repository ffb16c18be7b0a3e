import type { ExecutionArgs, GraphQLError } from "graphql";
import type { IdempotencyOption } from "../core/adapter/chosen-idempotency.ts";
import {
  checkAdapterOptions,
  checkKeyRequired,
  checkMode,
  checkModeAndProvide,
  checkRequireKey,
  type Mode,
  type ScopeValue,
} from "../core/adapter/options.ts";
import { checkFunction, misuse } from "../core/browser/option-checks.ts";
import { answeredAtOnce } from "../core/contract/callbacks.ts";
import { checkOptionNames, type OptionNames } from "../core/contract/options/option-names.ts";
import { RUN_OPTIONS, type RunOptions, resolveOptions } from "../core/contract/options/options.ts";

/** What the functions `key` and `input` get. */
export interface KeyRequest<TContext> {
  readonly context: TContext;
  readonly args: ExecutionArgs;
}

/** What is about to be executed: a whole mutation, or one root field if that is a unit of its own. */
export interface MutationInfo {
  /** The name of the GraphQL operation, if it has one. */
  readonly name: string | undefined;
  /** The schema's names of the root fields, without aliases, in the order of the response. */
  readonly rootFields: readonly string[];
}

/** Which mutations need a key: all, none, or those of which the function says so. */
export type RequireKey = boolean | ((mutation: MutationInfo) => boolean);

/** How mutations are executed: one way for all, or chosen for each. */
export type ModeChoice = Mode | ((mutation: MutationInfo) => Mode);

/** Options of {@link useIdempotency}. Those of {@link RunOptions} override what `createIdempotency` was given. */
export interface IdempotencyPluginOptions<TContext extends object>
  extends Omit<RunOptions, "storeError" | "errors" | "errorClasses" | "storeInput"> {
  /**
   * Made by `createIdempotency`: one for the whole application, or a function that gives that of a request, for one database
   * per tenant. A function must give the same object for the same database.
   */
  readonly idempotency: IdempotencyOption<unknown, [context: TContext]>;
  /**
   * Who may share a key, for example the user's id: two scopes never see each other's results. Never a
   * token: the scope is stored in the clear, and with another token a retry executes again. `"global"` if there is only one
   * client, or keys are secrets.
   */
  readonly scope: "global" | ((context: TContext) => ScopeValue | Promise<ScopeValue>);
  /**
   * How mutations are executed: in one transaction, or under a lease, for resolvers that call other services or take
   * longer than a transaction may. Under a lease, resolvers find `step` and `transaction` in `context.idempotency`, and
   * no transaction under `provide`. Default `"transaction"`.
   */
  readonly mode?: ModeChoice;
  /**
   * The property of the context that holds the transaction while a mutation executes. Default `"tx"`. If it has the name
   * of the application's own client, existing resolvers join the transaction unchanged; the client is put back
   * afterwards. Not with mode `"lease"`.
   */
  readonly provide?: string;
  /**
   * Reads the key of a request from where the application keeps it. If it returns nothing, the default carriers apply:
   * `extensions.idempotencyKey` in the body, and the header `Idempotency-Key`.
   */
  readonly key?: (request: KeyRequest<TContext>) => string | null | undefined;
  /**
   * What a retry must repeat, for clients that send what they cannot repeat, such as the time. Called for each unit; where
   * a root field has a key of its own, `args.document` holds that field alone. Default: document, operation name and
   * variables as sent, of a field those that it uses.
   */
  readonly input?: (request: KeyRequest<TContext>) => unknown;
  /**
   * The name of the directive that gives a root field a key of its own. Default `"idempotent"`. A schema that has another
   * directive of that name is refused with a `TypeError`.
   */
  readonly directive?: string;
  /**
   * Whether a mutation needs a key. Default `true`: without one it fails with `IDEMPOTENCY_KEY_MISSING`. Where a root field
   * has `@idempotent`, each root field is judged by itself.
   */
  readonly requireKey?: RequireKey;
  /**
   * Which errors are an answer: stored, and returned to every duplicate. Called for each `GraphQLError` that a resolver
   * threw; any other error releases the key, because its text is not meant for clients. Default: what `createIdempotency`
   * was given, else errors whose `extensions.code` or `extensions.http.status` blames the request and not the moment.
   */
  readonly storeError?: (error: GraphQLError) => boolean;
}

// A name that begins with "__" is GraphQL's own.
const GRAPHQL_NAME = /^(?!__)[A-Za-z_]\w*$/;
const OPTIONS: OptionNames<Required<IdempotencyPluginOptions<object> & RunOptions>> = {
  ...RUN_OPTIONS,
  idempotency: "required",
  input: true,
  directive: true,
  scope: "required",
  mode: true,
  provide: true,
  key: true,
  requireKey: true,
};

/** @throws TypeError that names the option, what it got and the remedy. */
export function checkPluginOptions(options: unknown): void {
  if (typeof options !== "object" || options === null) {
    throw misuse("(the first argument)", options, "an object such as { idempotency, scope }");
  }
  const { idempotency, scope, mode, provide, key, input, directive, storeError, storeInput, ...run } =
    options as Record<string, unknown>;
  checkAdapterOptions({ idempotency, scope, provide }, '(context) => context.user.id, or "global"');
  if (typeof mode !== "function") {
    checkModeAndProvide(mode, provide);
  }
  if (storeInput !== undefined) {
    throw misuse(
      "storeInput",
      storeInput,
      "none, as no completer can execute a GraphQL operation without its request",
    );
  }
  checkFunction("key", key, "({ context }) => context.myKey");
  checkFunction("input", input, "({ args }) => args.variableValues.orderId");
  if (directive !== undefined && !(typeof directive === "string" && GRAPHQL_NAME.test(directive))) {
    throw misuse("directive", directive, 'a name without the "@", such as "onceOnly"');
  }
  checkFunction("storeError", storeError, '(error) => error.extensions.code === "OUT_OF_STOCK"');
  checkRequireKeyOption(options);
  checkOptionNames(options, OPTIONS);
  resolveOptions(run);
}

/** @throws TypeError for a `requireKey` that cannot be used, and for `require`, which it has replaced. */
export function checkRequireKeyOption(options: object): void {
  checkRequireKey(options, "require", '({ rootFields }) => rootFields.includes("placeOrder")');
}

/** @throws TypeError for a function whose answer is neither `true` nor `false`. */
export function isKeyRequired(requireKey: RequireKey, mutation: MutationInfo): boolean {
  return checkKeyRequired(typeof requireKey === "function" ? requireKey(mutation) : requireKey);
}

/** @throws TypeError for a choice that is not a mode. */
export function modeOf(choice: ModeChoice, mutation: MutationInfo): Mode {
  const mode = typeof choice === "function" ? answeredAtOnce("mode", choice(mutation)) : choice;
  if (mode === undefined) {
    throw misuse("mode", mode, 'a function that gives "transaction" or "lease" for every mutation');
  }
  checkMode(mode);
  return mode;
}
