import { checkFunction, checkNumber, misuse } from "../../core/browser/option-checks.ts";
import { checkOptionNames, type OptionNames } from "../../core/contract/options/option-names.ts";
import type { MutationCall } from "./watch.ts";

/** What {@link expectExactlyOnce} can do to a mutation. */
export type ScenarioName =
  /** The same key three times, one call after another: a client that got no answer, and retries. */
  | "double"
  /** The same key in several calls at once. */
  | "race"
  /** A retry while the first call is still being executed, whose answer nobody waits for. */
  | "impatient retry"
  /** Killed when the key is claimed, at each statement of the handler, after each step, and when it has ended; then retried. */
  | "kill"
  /** Killed after COMMIT, before anything else; then retried. */
  | "kill after COMMIT"
  /** Each statement of the handler fails once, alone. */
  | "failing statement"
  /** The same key from another caller. Only with option `callers`. */
  | "another caller";

const SCENARIOS: readonly ScenarioName[] = [
  "double",
  "race",
  "impatient retry",
  "kill",
  "kill after COMMIT",
  "failing statement",
  "another caller",
];

/** Options of {@link expectExactlyOnce}. */
export interface ExpectOptions {
  /**
   * Returns the state that counts, as numbers: rows, balances, mails sent. An array counts by its length; objects are looked into.
   * One execution must change at least one of them, and each execution by the same amount.
   */
  readonly observe: () => unknown;
  /** Called before each scenario, with the call that it begins with: makes what the mutation needs. Not part of what is compared. */
  readonly prepare?: (call: MutationCall) => unknown;
  /**
   * Two callers that must not share keys, as names that the mutation gets as `caller`: it then calls as one or the other of two
   * users. Without this option it is not tried whether the scope separates callers.
   */
  readonly callers?: readonly [first: string, second: string];
  /** How many calls race, 2 to 100. Default 5. */
  readonly racers?: number;
  /** How long effects are waited for that come after an answer, in milliseconds. Default 50. */
  readonly settleMs?: number;
  /** What is not to be tried. */
  readonly leaveOut?: readonly ScenarioName[];
}

const OPTIONS: OptionNames<Required<ExpectOptions>> = {
  observe: "required",
  prepare: true,
  callers: true,
  racers: true,
  settleMs: true,
  leaveOut: true,
};

/** Options, checked and complete. */
export interface ResolvedOptions {
  readonly observe: () => unknown;
  readonly prepare: (call: MutationCall) => unknown;
  readonly callers: readonly [string, string] | undefined;
  readonly racers: number;
  readonly settleMs: number;
  readonly leaveOut: ReadonlySet<string>;
}

/** @throws TypeError for an option that cannot be used. */
export function resolved(mutation: unknown, options: ExpectOptions): ResolvedOptions {
  if (typeof mutation !== "function") {
    throw misuse(
      "(the first argument)",
      mutation,
      "the mutation: a function such as ({ key }) => deposit(key)",
    );
  }
  checkOptionNames(options, OPTIONS);
  const { observe, prepare = () => {}, callers, racers = 5, settleMs = 50, leaveOut = [] } = options;
  if (typeof observe !== "function") {
    throw misuse(
      "observe",
      observe,
      "a function such as async () => ({ orders: await prisma.order.count() })",
    );
  }
  checkFunction("prepare", prepare, "async ({ key }) => { ... }");
  checkNumber("racers", racers, 2, 100);
  checkNumber("settleMs", settleMs, 0);
  if (callers !== undefined && !areTwo(callers)) {
    throw misuse("callers", callers, 'an array of two different names, such as ["ada", "bob"]');
  }
  if (
    !Array.isArray(leaveOut) ||
    leaveOut.some((name: unknown) => !SCENARIOS.includes(name as ScenarioName))
  ) {
    throw misuse(
      "leaveOut",
      leaveOut,
      `an array with some of ${SCENARIOS.map((name) => `"${name}"`).join(", ")}`,
    );
  }
  return { observe, prepare, callers, racers, settleMs, leaveOut: new Set<string>(leaveOut) };
}

function areTwo(callers: unknown): boolean {
  return (
    Array.isArray(callers) &&
    callers.length === 2 &&
    callers.every((name) => typeof name === "string") &&
    callers[0] !== callers[1]
  );
}
