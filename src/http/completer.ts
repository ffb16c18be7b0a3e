import { misuse } from "../core/browser/option-checks.ts";
import type { Idempotency } from "../core/contract/idempotency.ts";
import { type Completer, completerOver, type ResumableOperation } from "../core/lease/completer.ts";
import { type CompleterOptions, checkCompleterOptions } from "../core/lease/completer-options.ts";
import type { CreateArg, ResumableHandler } from "./resumable.ts";

/** Options of {@link httpCompleter}. */
export interface HttpCompleterOptions<TTransaction, TArg> extends CompleterOptions {
  /** The same object that the handlers use, made with `storeInput: true`. */
  readonly idempotency: Idempotency<TTransaction>;
  /** What `withIdempotency({ mode: "lease", ... })` returned, before any adapter of a framework is put around it. */
  readonly handlers: readonly { readonly resumable: ResumableHandler<TArg> }[];
  /**
   * Makes what the framework passes to the handlers as their second argument; required if one of them uses it. There is no
   * request of a client: look the user up by `run.scope`, which holds what your `scope` function returned. If `createArg`
   * throws, the run is left for a later attempt.
   */
  readonly createArg?: CreateArg<NoInfer<TArg>>;
}

/** What a handler that uses its argument needs. */
type WithArg<TArg> = unknown extends TArg ? unknown : { readonly createArg: CreateArg<TArg> };

/**
 * Makes a completer for handlers of `withIdempotency({ mode: "lease" })`. It finds their runs whose executor is gone, after a
 * crash or a response that released the key, and calls the handlers again with the stored request, without waiting for the client
 * to retry.
 *
 * Nothing that a framework does before the handler is done again, and the functions among the handler's options are not called, but
 * for `outcome`, `storeError` and `errors`. Runs of operations that no handler has are left alone.
 *
 * @throws TypeError for an option that cannot be used; it names the option and the remedy.
 */
export function httpCompleter<TTransaction, TArg = unknown>(
  options: HttpCompleterOptions<TTransaction, TArg> & WithArg<NoInfer<TArg>>,
): Completer;
export function httpCompleter<TTransaction, TArg>(
  options: HttpCompleterOptions<TTransaction, TArg>,
): Completer {
  if (typeof options !== "object" || options === null) {
    throw misuse("(the first argument)", options, "an object such as { idempotency, handlers }");
  }
  const { idempotency, handlers, createArg, ...rest } = options;
  if (createArg !== undefined && typeof createArg !== "function") {
    throw misuse("createArg", createArg, ARG_EXAMPLE);
  }
  checkCompleterOptions(options, { handlers: "required", createArg: true });
  const operations = operationsOf(handlers, idempotency, createArg);
  return completerOver(idempotency, async () => operations, rest);
}

const ARG_EXAMPLE = "a function such as ({ scope }) => ({ user: { id: scope } })";

function operationsOf<TArg>(
  handlers: HttpCompleterOptions<unknown, TArg>["handlers"],
  idempotency: Idempotency<unknown>,
  createArg: CreateArg<TArg> | undefined,
): ReadonlyMap<string, ResumableOperation> {
  checkHandlers(handlers);
  const operations = new Map<string, ResumableOperation>();
  for (const { resumable } of handlers) {
    const { operation } = resumable;
    if (operations.has(operation)) {
      throw new TypeError(
        `onceonly: option handlers has two for the operation ${operation}; give each an option operation of its own.`,
      );
    }
    if (createArg === undefined && resumable.takesArg) {
      throw misuse(
        "createArg",
        createArg,
        `${ARG_EXAMPLE}: the handler of ${operation} takes a third argument`,
      );
    }
    operations.set(operation, {
      resume: (run) => resumable.resume(run, idempotency, createArg ?? (() => undefined as TArg)),
      options: resumable.optionsOver(idempotency),
    });
  }
  return operations;
}

function checkHandlers(handlers: unknown): void {
  if (!Array.isArray(handlers) || handlers.length === 0) {
    throw misuse("handlers", handlers, "a list of what withIdempotency returned, such as [createPayment]");
  }
  const unusable = handlers.findIndex((handler) => !isResumable(handler));
  if (unusable !== -1) {
    throw misuse(
      `handlers[${unusable}]`,
      handlers[unusable],
      'what withIdempotency({ mode: "lease", ... }) returned, not what an adapter has made of it',
    );
  }
}

function isResumable(handler: unknown): boolean {
  return typeof handler === "function" && "resumable" in handler;
}
