import { Fault, type FaultPoint } from "./faults.ts";
import { shownDifferences } from "./findings.ts";
import type { ScenarioName } from "./options.ts";
import { type Counts, differences, times } from "./state.ts";
import { type Bench, Trial } from "./trial.ts";
import type { WatchedCall } from "./watch.ts";

/** What one execution leaves, how many statements its handler sends, and how many steps it has. */
export interface Reference {
  readonly one: Counts;
  readonly statements: number;
  readonly steps: number;
}

type Scenario = (bench: Bench, reference: Reference) => Promise<void>;

/** A handler that writes in a loop is killed at the first of its statements only, and at the first of its steps. */
const POINTS_MAX = 10;

export const scenarios: Readonly<Record<ScenarioName, Scenario>> = {
  double: async (bench, { one }) => {
    const trial = await Trial.begin(bench, "double");
    const calls = [await trial.call(), await trial.call(), await trial.call()];
    if (calls.some((call) => !call.isAnswered)) {
      await trial.retry();
    }
    await trial.expectSame(calls);
    await trial.expect(one);
  },

  race: async (bench, { one }) => {
    const trial = await Trial.begin(bench, "race");
    const calls = await Promise.all(Array.from({ length: bench.options.racers }, () => trial.call()));
    const last = await trial.retry();
    await trial.expectSame([...calls, ...(last === undefined ? [] : [last])]);
    await trial.expect(one);
  },

  "impatient retry": async (bench, { one }) => {
    const trial = await Trial.begin(bench, "impatient retry");
    let first: Promise<WatchedCall> | undefined;
    await new Promise<void>((begun) => {
      first = trial.call({ onBegun: begun });
      void first.finally(begun);
    });
    const second = await trial.call();
    if (!second.isAnswered) {
      await trial.retry(second);
    }
    await trial.expectSame([...(first === undefined ? [] : [await first]), second]);
    await trial.expect(one);
  },

  kill: async (bench, { one, statements, steps }) => {
    await killed(bench, one, "kill before the handler", "claimed");
    for (let nth = 1; nth <= Math.min(statements, POINTS_MAX); nth += 1) {
      await killed(bench, one, `kill at statement ${nth}`, "statement", nth);
    }
    for (let nth = 1; nth <= Math.min(steps, POINTS_MAX); nth += 1) {
      await killed(bench, one, `kill after step ${nth}`, "step ended", nth);
    }
    await killed(bench, one, "kill after the handler", "handler ended");
  },

  "kill after COMMIT": (bench, { one }) => killed(bench, one, "kill after COMMIT", "committed"),

  "failing statement": async (bench, { one, statements }) => {
    for (let nth = 1; nth <= Math.min(statements, POINTS_MAX); nth += 1) {
      await failing(bench, one, nth);
    }
  },

  "another caller": async (bench, { one }) => {
    const { callers } = bench.options;
    if (callers === undefined) {
      return;
    }
    const trial = await Trial.begin(bench, "another caller");
    const first = await trial.call({ caller: callers[0] });
    const second = await trial.call({ caller: callers[1] });
    if (second.records === first.records || !second.isExecuted) {
      const text =
        "Another caller with the same key was not executed, and gets the answer of the first, or is refused: the scope does not " +
        "tell them apart. Give the user or the tenant as scope.";
      bench.findings.add("shared record", trial.name, text);
      trial.report();
    } else {
      await trial.expect(times(one, 2));
    }
  },
};

async function killed(
  bench: Bench,
  one: Counts,
  name: string,
  point: FaultPoint,
  nth?: number,
): Promise<void> {
  const trial = await Trial.begin(bench, name);
  const call = await trial.call({ fault: new Fault("kill", point, nth) });
  if (call.isRolledBack && point !== "committed") {
    await trial.expectNothing();
  }
  await expectOneInTheEnd(trial, call, one);
}

async function failing(bench: Bench, one: Counts, nth: number): Promise<void> {
  const trial = await Trial.begin(bench, `failing statement ${nth}`);
  const fault = new Fault("failure", "statement", nth);
  const call = await trial.call({ fault });
  if (!fault.hasStruck) {
    return;
  }
  const { findings } = bench;
  if (call.runs.some(({ outcome }) => outcome === "stored")) {
    const text =
      "An error of the database was stored as the answer, and every retry gets it: storeError takes it for one. It must name the " +
      "errors that are an answer, such as error instanceof SoldOut.";
    findings.add("stored error", trial.name, text);
    return;
  }
  if (call.isExecuted) {
    const found = differences(await trial.changed(), one);
    if (found.length > 0) {
      const text =
        "A statement failed, and the handler answered as if it had not: it catches the error, or does not await the statement. " +
        `${shownDifferences(found)}. Let the error through, or put what may fail into a $transaction inside the handler and ` +
        'leave out "failing statement".';
      findings.add("swallowed error", trial.name, text, found.map(({ path }) => path).join(" "));
      return;
    }
  }
  if (call.isRolledBack) {
    await trial.expectNothing();
  }
  await expectOneInTheEnd(trial, call, one);
}

/** A client that got no answer sends the call again. */
async function expectOneInTheEnd(trial: Trial, call: WatchedCall, one: Counts): Promise<void> {
  if (!call.isAnswered) {
    await trial.retry(call);
  }
  await trial.expect(one);
}
