import type { AbandonedRun, Idempotency } from "../core/contract/idempotency.ts";
import type { RunOptions } from "../core/contract/options/options.ts";
import { madeBy } from "../core/lease/completer.ts";
import type { HttpLeaseHandler } from "./context.ts";
import { checkStoredRequest, requestFrom } from "./request/stored-request.ts";
import { resumeRun } from "./run-request.ts";
import type { Settings } from "./settings.ts";

/** Makes the second argument of a wrapped handler where there is no framework to pass it. */
export type CreateArg<TArg> = (run: AbandonedRun, request: Request) => TArg | Promise<TArg>;

/** How {@link httpCompleter} executes the abandoned runs of a handler. */
export interface ResumableHandler<TArg> {
  /** The name that its runs are recorded under. */
  readonly operation: string;
  /** Whether its handler has a parameter for the argument that a framework passes. */
  readonly takesArg: boolean;
  /**
   * The options of the runs over `idempotency`, with which a run is given up.
   *
   * @throws TypeError if none can be over it.
   */
  readonly optionsOver: (idempotency: Idempotency<unknown>) => RunOptions;
  /** Calls the handler as the run that is being resumed. @throws what the handler threw, or its response, if that released the key. */
  readonly resume: (
    run: AbandonedRun,
    idempotency: Idempotency<unknown>,
    createArg: CreateArg<TArg>,
  ) => Promise<void>;
}

export function resumableOf<TTransaction, TRequest extends Request, TArg>(
  settings: Settings<TTransaction, TRequest, TArg>,
  handle: HttpLeaseHandler<TTransaction, TArg>,
  operation: string,
): ResumableHandler<TArg> {
  const runsOver = (idempotency: Idempotency<unknown>): Idempotency<TTransaction> => {
    if (!settings.idempotency.mayBe(idempotency)) {
      throw new TypeError(
        `onceonly: option idempotency is another one than the handler of ${operation} was given; give both the same.`,
      );
    }
    return settings.idempotency.completed(idempotency as Idempotency<TTransaction>);
  };
  return {
    operation,
    takesArg: handle.length > 2,
    optionsOver(idempotency) {
      const { storeError: _unused, retryConflicts: _unneeded, ...options } = runsOver(idempotency).options;
      return options;
    },
    async resume(run, idempotency, createArg) {
      const { key, scope } = run;
      const request = checkStoredRequest(run.readInput(), operation);
      const arg = await madeBy("createArg", () => createArg(run, requestFrom(request)));
      const route = { settings, handle, idempotency: runsOver(idempotency) };
      await resumeRun(route, { operation, key, scope }, { request, arg });
    },
  };
}
