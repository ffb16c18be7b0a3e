import { AssertionError } from "node:assert";
import { Findings } from "./findings.ts";
import { type ExpectOptions, type ResolvedOptions, resolved } from "./options.ts";
import { type Reference, scenarios } from "./scenarios.ts";
import { type Counts, differences, isNothing, signed } from "./state.ts";
import { type Bench, Trial } from "./trial.ts";
import { type Mutation, Watch, type WatchedCall } from "./watch.ts";

/** What {@link expectExactlyOnce} has done, when nothing was found. */
export interface ExactlyOnceReport {
  /** What was tried. */
  readonly tried: readonly string[];
  /** What one execution changes, by the names in what `observe()` returned. */
  readonly oneExecution: Readonly<Record<string, number>>;
  /** How many statements the handler sends in its transaction. */
  readonly statements: number;
}

/**
 * Calls a mutation again and again, as clients, networks and crashes do, and compares what `observe()` says with what one execution
 * leaves: with one key in doubles and races, with retries of calls that are still under way, of calls that were killed at the claim,
 * at each statement, after each step, after the handler and after COMMIT, and with statements that fail.
 *
 * The kills are errors, thrown where a process would be gone, in the transaction that is then rolled back: the handler can see them.
 *
 * For any test runner: it throws errors of `node:assert`.
 *
 * @throws {@link ExactlyOnceError} with all that was found.
 * @throws AssertionError if nothing can be found: the mutation changes nothing that `observe()` shows, or is no run of onceonly.
 * @throws TypeError for an option that cannot be used.
 */
export async function expectExactlyOnce(
  mutation: Mutation,
  options: ExpectOptions,
): Promise<ExactlyOnceReport> {
  const checked = resolved(mutation, options);
  const bench: Bench = { watch: new Watch(mutation), options: checked, findings: new Findings() };
  try {
    const reference = await referenceOf(bench);
    const tried = namesOf(checked);
    for (const name of tried) {
      await scenarios[name](bench, reference);
    }
    bench.findings.throwIfAny();
    const { one, statements } = reference;
    return { tried, oneExecution: Object.fromEntries(one), statements };
  } finally {
    bench.watch.stop();
  }
}

function namesOf({ leaveOut, callers }: ResolvedOptions): readonly (keyof typeof scenarios)[] {
  const names = Object.keys(scenarios) as (keyof typeof scenarios)[];
  return names.filter((name) => !leaveOut.has(name) && (name !== "another caller" || callers !== undefined));
}

/** @throws ExactlyOnceError, AssertionError if there is nothing to compare with. */
async function referenceOf(bench: Bench): Promise<Reference> {
  let first = await execution(bench);
  if (!first.call.hasReached && bench.watch.hasForeignRuns) {
    bench.watch.acceptsForeign = true;
    first = await execution(bench);
  }
  const { call, change: one } = first;
  if (!call.hasReached) {
    throw new AssertionError({ message: `${NEVER_REACHED}${failed(call)}` });
  }
  throwIfFailed(bench, first);
  if (isNothing(one)) {
    // What is known to be wrong says more.
    bench.findings.throwIfAny();
    throw new AssertionError({ message: `${NOTHING_SEEN}${failed(call)}` });
  }
  const second = await execution(bench);
  throwIfFailed(bench, second);
  if (second.call.records === call.records && call.runs.length > 0) {
    bench.findings.add("shared record", second.name, ONE_RECORD);
    bench.findings.throwIfAny();
  }
  const found = differences(second.change, one);
  if (found.length > 0) {
    bench.findings.throwIfAny();
    const [{ path, change, expected } = { path: "", change: 0, expected: 0 }] = found;
    throw new AssertionError({
      message:
        `onceonly: two executions do not change ${path} by the same amount (${signed(expected)}, then ${signed(change)}), so nothing ` +
        "can be told from it; observe what each execution changes alike, or make what the mutation needs in option prepare.",
    });
  }
  return { one, statements: call.statements, steps: call.steps };
}

interface Execution {
  readonly name: string;
  readonly call: WatchedCall;
  readonly change: Counts;
}

/** @throws ExactlyOnceError */
function throwIfFailed({ findings }: Bench, { name, call }: Execution): void {
  if (!call.isAnswered) {
    if (call.unkeyed === 0) {
      findings.add("failed", name, `Called once, the mutation fails with: ${call.reason}`);
    }
    findings.throwIfAny();
  }
}

/** One call, with a key of its own. */
async function execution(bench: Bench): Promise<Execution> {
  const trial = await Trial.begin(bench, "a single call");
  const call = await trial.call();
  const change = await trial.changed();
  trial.report();
  return { name: trial.name, call, change };
}

const NEVER_REACHED =
  "onceonly: the mutation never reached onceonly: no run began, so nothing was tested. Call what uses the idempotency object, in " +
  "this process.";

const NOTHING_SEEN =
  "onceonly: observe() returned the same before and after one execution, so nothing can be told from it; return something that the " +
  "mutation changes, such as a number of rows.";

const ONE_RECORD =
  "Two calls with different keys share one record, so the second was not executed: the key is not the one that the mutation is " +
  "called with. Send key as the idempotency key.";

const failed = ({ end }: WatchedCall): string =>
  end.state === "rejected" ? ` The call failed with: ${String(end.error)}` : "";
