/** Transactions of leased runs that cannot begin, or whose COMMIT is refused or has no answer. */
import { describe, expect, test } from "vitest";
import type { RunOptions } from "../../src/core/contract/options/options.ts";
import type { StoreFault } from "../../src/core/contract/store.ts";
import { away, type Failure, Fault, over, run } from "./scripted.ts";

describe("a transaction of a leased run", () => {
  /** Runs one, and tells how often its handler was executed. */
  const booking = async (
    failures: readonly (Failure | undefined)[],
    answers: Parameters<typeof over>[0] = {},
    options: RunOptions = {},
  ) => {
    const made = over(answers, options, failures);
    let executed = 0;
    const ended: unknown = await made.idempotency
      .runLeased(run, ({ transaction }) => transaction("book", () => (executed += 1)))
      .then(
        ({ value }) => value,
        (error: unknown) => error,
      );
    return { ...made, ended, executed };
  };
  const recorded = [{ name: "book", response: "devalue:[1]" }];
  const other = [{ name: "another", response: "devalue:[1]" }];

  test("begins again where nothing was executed: after a conflict, and while the database is away", async () => {
    const begin = (fault: StoreFault) => ({ begin: new Fault(fault) });
    const { ended, executed } = await booking([
      begin("write_conflict"),
      begin("unavailable"),
      begin("read_only"),
    ]);
    expect([ended, executed]).toEqual([1, 1]);
  });

  test.each<[StoreFault | undefined, RunOptions, string]>([
    ["unavailable", { outageMs: 0 }, "STORE_UNAVAILABLE"],
    ["misconfigured", {}, "STORE_MISCONFIGURED"],
    [undefined, {}, "STORE_MISCONFIGURED"],
  ])("that cannot begin for %s is an error of ours", async (fault, options, code) => {
    const { ended, executed } = await booking([{ begin: new Fault(fault) }], {}, options);
    expect([ended, executed]).toMatchObject([{ code }, 0]);
  });

  test("whose COMMIT had no answer is looked for, and not executed again if it is there", async () => {
    const lost = [{ commit: away }];
    const { ended, executed, ofName } = await booking(lost, {
      renew: [true, away, true],
      steps: [away, recorded],
    });
    expect([ended, executed]).toEqual([1, 1]);
    // One in the transaction, and one that waits for a COMMIT that is still on its way.
    expect(ofName("renew")).toHaveLength(3);
    expect(ofName("steps")).toHaveLength(2);
  });

  test("whose COMMIT had no answer, and is not there, is an error that asks for a retry", async () => {
    for (const steps of [[], other, [...other, ...other]]) {
      const { ended, executed } = await booking([{ commit: away }], { steps: [steps] });
      expect([ended, executed]).toMatchObject([{ code: "STORE_UNAVAILABLE" }, 1]);
    }
    const both = await booking([{ commit: away }], { steps: [[...other, ...recorded]] });
    expect([both.ended, both.executed]).toEqual([1, 1]);
  });

  test("whose COMMIT had no answer, of a claim that is another's by now, is lost", async () => {
    const { ended } = await booking([{ commit: away }], { renew: [true, false], giveBack: [false] });
    expect(ended).toMatchObject({ code: "LEASE_LOST" });
  });

  test("that COMMIT refused with an error of its own hands that on, and is not executed again", async () => {
    const own = new Fault("handler_mistake");
    const { ended, executed } = await booking([{ commit: own }], { steps: [[]] });
    expect([ended, executed]).toEqual([own, 1]);
  });

  test("that met a conflict at COMMIT is executed again, as often as retryConflicts says", async () => {
    const conflict = { commit: new Fault("write_conflict") };
    const twice = await booking([conflict, conflict], { steps: [[], []] }, { retryConflicts: 2 });
    expect([twice.ended, twice.executed]).toEqual([3, 3]);
    const once = await booking([conflict, conflict], { steps: [[], []] }, { retryConflicts: 1 });
    expect([once.ended, once.executed]).toEqual([conflict.commit, 2]);
    expect((await booking([conflict], { steps: [[]] })).executed).toBe(1);
  });

  test("of a claim that is another's as it begins, or as it records, is lost", async () => {
    for (const answers of [{ renew: [false] }, { recordStep: [false] }]) {
      const { ended } = await booking([], { ...answers, giveBack: [false] });
      expect(ended).toMatchObject({ code: "LEASE_LOST" });
    }
  });
});
