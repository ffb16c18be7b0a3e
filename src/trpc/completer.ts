import type { AnyTRPCRouter, inferRouterContext } from "@trpc/server";
import { misuse } from "../core/browser/option-checks.ts";
import type { ErrorSerializer } from "../core/contract/errors/error-serializer.ts";
import { isIdempotencyError } from "../core/contract/errors/errors.ts";
import type { AbandonedRun, Idempotency } from "../core/contract/idempotency.ts";
import type { ResolvedRunOptions, RunOptions } from "../core/contract/options/options.ts";
import { type Completer, completerOver, madeBy, type ResumableOperation } from "../core/lease/completer.ts";
import { type CompleterOptions, checkCompleterOptions } from "../core/lease/completer-options.ts";
import { toTRPCError } from "./errors/trpc-error.ts";
import { fixedOperationOf } from "./request/operation.ts";
import { checkRouter, mutationsOf } from "./router/procedures.ts";

/** Options of {@link trpcCompleter}. */
export interface TRPCCompleterOptions<TTransaction, TRouter extends AnyTRPCRouter> extends CompleterOptions {
  /** The same object that the middlewares use, made with `storeInput: true`. */
  readonly idempotency: Idempotency<TTransaction>;
  readonly router: TRouter;
  /**
   * Makes the context that a run is resumed in. There is no request: look the user up by `run.scope`, which holds what
   * your `scope` function returned. If `createContext` throws, the run is left for a later attempt.
   */
  readonly createContext: (
    run: AbandonedRun,
  ) => inferRouterContext<TRouter> | Promise<inferRouterContext<TRouter>>;
}

/**
 * Makes a completer for the mutations of a router that have `idempotencyMiddleware({ mode: "lease" })`. It finds their
 * runs whose executor is gone, after a crash or an error that is not an answer, and calls the procedures again through
 * `router.createCaller` with the stored input, without waiting for the client to retry.
 *
 * All middlewares of a procedure run again, and its input is parsed again. The functions `scope`, `key` and `request` of
 * the idempotency middleware are not called. Runs of paths that are not in the router are left alone.
 *
 * @throws TypeError for an option that cannot be used; it names the option and the remedy.
 */
export function trpcCompleter<TTransaction, TRouter extends AnyTRPCRouter>(
  options: TRPCCompleterOptions<TTransaction, TRouter>,
): Completer {
  if (typeof options !== "object" || options === null) {
    throw misuse("(the first argument)", options, "an object such as { idempotency, router, createContext }");
  }
  const { idempotency, router, createContext, ...rest } = options;
  checkRouter(router);
  if (typeof createContext !== "function") {
    throw misuse(
      "createContext",
      createContext,
      "a function such as ({ scope }) => ({ user: { id: scope } })",
    );
  }
  checkCompleterOptions(options, { router: "required", createContext: "required" });
  return completerOver(
    idempotency,
    async () => resumableIn(router, idempotency, (run) => madeBy("createContext", () => createContext(run))),
    rest,
  );
}

async function resumableIn(
  router: AnyTRPCRouter,
  idempotency: unknown,
  createContext: (run: AbandonedRun) => Promise<unknown>,
): Promise<ReadonlyMap<string, ResumableOperation>> {
  const operations = new Map<string, ResumableOperation>();
  for (const { path, settings, own } of await mutationsOf(router)) {
    // The runs of another `idempotency` may be in another database.
    const isOurs = settings?.mode === "lease" && settings.idempotency.mayBe(idempotency);
    if (isOurs && own !== false) {
      const resume = async (run: AbandonedRun) =>
        procedureAt(router.createCaller(await createContext(run)), path)(run.readInput());
      const operation = fixedOperationOf(settings.operation, path);
      if (operations.has(operation)) {
        throw new Error(
          `onceonly: two mutations are named ${operation}; give each an option operation of its own.`,
        );
      }
      operations.set(operation, {
        resume,
        options: forGivingUp(settings.idempotency.completed(idempotency as never).options),
      });
    }
  }
  if (operations.size === 0) {
    throw new Error(
      'onceonly: the router has no mutation with idempotencyMiddleware({ idempotency, mode: "lease" }), made with the ' +
        "same idempotency as the completer.",
    );
  }
  return operations;
}

type Procedure = (input: unknown) => Promise<unknown>;

function procedureAt(caller: unknown, path: string): Procedure {
  return path
    .split(".")
    .reduce((parent, name) => (parent as Record<string, unknown>)[name], caller) as Procedure;
}

/** An application's serializer expects the errors that tRPC makes. */
function forGivingUp({
  errors,
  storeError: _unused,
  retryConflicts: _unneeded,
  ...run
}: ResolvedRunOptions): RunOptions {
  const ofTRPC: ErrorSerializer = {
    serialize: (error) => errors.serialize(isIdempotencyError(error) ? toTRPCError(error) : error),
    deserialize: (stored, classes) => errors.deserialize(stored, classes),
  };
  return { ...run, errors: ofTRPC };
}
