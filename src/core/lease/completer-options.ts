import { checkFunction, checkNumber } from "../browser/option-checks.ts";
import { warn } from "../contract/callbacks.ts";
import { misplaced } from "../contract/found.ts";
import type { AbandonedRun, Idempotency } from "../contract/idempotency.ts";
import { checkOptionNames, type OptionNames } from "../contract/options/option-names.ts";

/** Options of every completer. */
export interface CompleterOptions {
  /** How many times a run is executed, live executions included, before it is given up. Default 10, at least 1. */
  readonly attemptsMax?: number;
  /** How many runs are executed at a time. Default 4, at least 1. */
  readonly concurrency?: number;
  /** How long to wait after finding nothing to do, in milliseconds. Default 5,000. */
  readonly pollMs?: number;
  /**
   * How long a run is left alone after a failed execution, in milliseconds. Doubles with each execution before that one,
   * live ones included, up to 5 minutes. Default 1,000.
   */
  readonly backoffMs?: number;
  /** Called for each run given up, once `ATTEMPTS_EXHAUSTED` is stored as its outcome. Default: a process warning. */
  readonly onGiveUp?: (run: AbandonedRun) => unknown;
  /**
   * Called for each failed execution and, without a run, each time the search for abandoned runs failed. Default: a
   * process warning.
   */
  readonly onError?: (error: unknown, run: AbandonedRun | undefined) => unknown;
}

/** The name of the process warnings. */
export const COMPLETER_WARNING = "OnceonlyCompleterWarning";

export const DEFAULT_COMPLETER_OPTIONS: Required<CompleterOptions> = {
  attemptsMax: 10,
  concurrency: 4,
  pollMs: 5_000,
  backoffMs: 1_000,
  onGiveUp: ({ operation, attempt }) =>
    warn(
      COMPLETER_WARNING,
      `An abandoned run of ${operation} was given up`,
      `${attempt - 1} attempts failed`,
    ),
  onError: (error, run) =>
    warn(
      COMPLETER_WARNING,
      run ? `Resuming ${run.operation} failed` : "Looking for abandoned runs failed",
      error,
    ),
};

const COMPLETER_OPTIONS: OptionNames<Required<CompleterOptions>> = {
  attemptsMax: true,
  concurrency: true,
  pollMs: true,
  backoffMs: true,
  onGiveUp: true,
  onError: true,
};

/**
 * Checks what all completers have. `own` are the names of those that only this one has.
 *
 * @throws TypeError that names the option, what it got and the remedy.
 */
export function checkCompleterOptions(
  options: CompleterOptions & { readonly idempotency: unknown },
  own: Readonly<Record<string, true | "required">>,
): void {
  const { idempotency } = options;
  const given = idempotency as Partial<Idempotency<unknown>> | null | undefined;
  if (given?.abandoned === undefined) {
    throw misplaced(
      "idempotency",
      idempotency,
      "what createIdempotency({ prisma, storeInput: true }) returned",
    );
  }
  if (given.options?.storeInput !== true) {
    throw new TypeError(
      "onceonly: option idempotency was made without storeInput: true, and a completer executes runs from their stored input; " +
        "give createIdempotency({ prisma, storeInput: true }), to the completer and to those who run.",
    );
  }
  checkNumber("attemptsMax", options.attemptsMax, 1);
  checkNumber("concurrency", options.concurrency, 1);
  checkNumber("pollMs", options.pollMs, 1);
  checkNumber("backoffMs", options.backoffMs, 0);
  checkFunction("onGiveUp", options.onGiveUp, "(run) => alert(run.key)");
  checkFunction("onError", options.onError, "(error, run) => log(error)");
  checkOptionNames(options, { idempotency: "required", ...own, ...COMPLETER_OPTIONS });
}
