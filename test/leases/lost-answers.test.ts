/** What a leased run makes of each statement that fails, or whose answer is lost: over a store that answers as a test says. */
import { describe, expect, test } from "vitest";
import type { RunOptions } from "../../src/core/contract/options/options.ts";
import type { FinishedRecord, StoreFault } from "../../src/core/contract/store.ts";
import { failureOf } from "../support/runs.ts";
import { type Answer, away, Fault, GOOD, over, run, times } from "./scripted.ts";

describe("the outcome", () => {
  test("is stored until that is answered, and a second longer than asked for, for those who look", async () => {
    const { idempotency, ofName } = over({ complete: [away, new Fault("lock_timeout"), true] });
    expect(await idempotency.runLeased(run, async () => "done")).toEqual({ value: "done", replayed: false });
    const sent = ofName("complete");
    expect(sent).toHaveLength(3);
    expect(new Set(sent.map((params) => JSON.stringify(params))).size).toBe(1);
    expect(sent[0]).toMatchObject({
      status: "completed",
      retentionMs: 91_000,
      owner: ofName("claim")[0]?.["owner"],
    });
    expect(ofName("giveBack")).toEqual([]);
  });

  test("is there already, of this run: its answer was lost", async () => {
    const mine = ({ owner }: { owner: string }): FinishedRecord => ({
      status: "completed",
      fingerprint: "f",
      owner,
      response: "r",
    });
    const state: { owner: string } = { owner: "" };
    const { idempotency } = over({
      claim: [({ owner }: { owner: string }) => ((state.owner = owner), { state: "claimed", attempt: 1 })],
      complete: [false],
      outcomeOf: [() => mine(state)],
    });
    expect(await idempotency.runLeased(run, async () => "done")).toMatchObject({ value: "done" });
  });

  test.each<[string, Answer]>([
    ["of another", { status: "completed", fingerprint: "f", owner: "another", response: "r" }],
    ["of nobody", undefined],
  ])("is there %s: the lease was lost", async (_what, outcome) => {
    const { idempotency } = over({ complete: [false], outcomeOf: [outcome], giveBack: [false] });
    const error = await failureOf(idempotency.runLeased(run, async () => "done"));
    expect(error).toMatchObject({ code: "LEASE_LOST", details: { takenOver: true } });
  });

  test("is kept from the row by the database: that is no loss", async () => {
    const { idempotency } = over({ complete: [false], holds: [true], giveBack: [true] });
    expect((await failureOf(idempotency.runLeased(run, async () => 1))).code).toBe("STORE_MISCONFIGURED");
  });

  test.each<[string, StoreFault | undefined, Answer, string]>([
    ["nobody knows why, nor what became of it", undefined, away, "STORE_UNAVAILABLE"],
    ["nobody knows why, and it was given back", undefined, true, "STORE_MISCONFIGURED"],
    ["the set-up is wrong, whatever became of it", "misconfigured", away, "STORE_MISCONFIGURED"],
  ])("is not stored, %s", async (_what, fault, giveBack, code) => {
    const { idempotency } = over(
      { complete: [new Fault(fault)], giveBack: times(50, giveBack) },
      { outageMs: 100 },
    );
    expect((await failureOf(idempotency.runLeased(run, async () => 1))).code).toBe(code);
  });
});

describe("a handler that failed", () => {
  const own = new Error("own");
  const failing = (answers: Parameters<typeof over>[0], options: RunOptions = {}) => {
    const made = over(answers, options);
    const thrown = made.idempotency
      .runLeased(run, () => Promise.reject(own))
      .catch((error: unknown) => error);
    return { ...made, thrown };
  };

  test("gives its claim back, to the next retry at once and to completers after five seconds", async () => {
    const { thrown, ofName } = failing({});
    expect(await thrown).toBe(own);
    expect(ofName("giveBack")).toMatchObject([
      { delayMs: 5_000, retentionMs: 90_000, owner: ofName("claim")[0]?.["owner"] },
    ]);
    expect(ofName("holds")).toEqual([]);
  });

  test("waits with that for a database that is away", async () => {
    const { thrown, ofName } = failing({ giveBack: [away, new Fault("read_only"), true] });
    expect(await thrown).toBe(own);
    expect(ofName("giveBack")).toHaveLength(3);
  });

  test("has done so by a try whose answer was lost", async () => {
    const { thrown, ofName } = failing({ giveBack: [away, false] });
    expect(await thrown).toBe(own);
    expect(ofName("holds")).toEqual([]);
  });

  test.each<[string, Answer, RunOptions, number]>([
    ["of which nothing is known", new Fault(undefined), {}, 1],
    ["that does not pass", new Fault("misconfigured"), {}, 1],
    ["that lasts longer than outageMs", away, { outageMs: 0 }, 1],
  ])("leaves it to lapse after a fault %s", async (_what, fault, options, tries) => {
    const { thrown, ofName } = failing({ giveBack: times(20, fault) }, options);
    expect(await thrown).toBe(own);
    expect(ofName("giveBack")).toHaveLength(tries);
  });

  test("has nothing to give back: another has taken over, or the row is kept from it", async () => {
    expect(await failing({ giveBack: [false] }).thrown).toMatchObject({ code: "LEASE_LOST", cause: own });
    expect(await failing({ giveBack: [false], holds: [true] }).thrown).toBe(own);
  });
});

describe("a claim", () => {
  const held = { state: "held", fingerprint: "" };
  const heldOf = (fingerprint: { value: string }) => () => ({ ...held, fingerprint: fingerprint.value });
  const noting = (fingerprint: { value: string }, fault: StoreFault) => (params: { fingerprint: string }) => {
    fingerprint.value = params.fingerprint;
    return new Fault(fault);
  };
  /** The database has answered once, so that it is waited for. */
  const warmed = async (answers: Parameters<typeof over>[0]) => {
    const made = over({ ...answers, claim: [GOOD.claim, ...(answers.claim ?? [])] });
    await made.idempotency.runLeased({ ...run, key: "before" }, async () => 1);
    made.asked.splice(0);
    return made;
  };

  test("whose answer was lost is given back, and again where it turns out to be in the way", async () => {
    const fingerprint = { value: "" };
    const { idempotency, ofName } = await warmed({
      claim: [noting(fingerprint, "unavailable"), heldOf(fingerprint)],
      giveBack: [away, true],
    });
    expect(await idempotency.runLeased(run, async () => "done")).toMatchObject({ value: "done" });
    const [first, second, third] = ofName("claim").map(({ owner }) => owner);
    expect(new Set([first, second, third]).size).toBe(3);
    expect(ofName("giveBack").map(({ owner, delayMs }) => [owner, delayMs])).toEqual([
      [first, 0],
      [first, 0],
    ]);
  });

  test("whose answer was lost is looked for at each look at the lease, until it is given back or not there", async () => {
    const fingerprint = { value: "" };
    const { idempotency, ofName } = await warmed({
      claim: [noting(fingerprint, "unavailable"), ...times(3, heldOf(fingerprint))],
      giveBack: [away, away, false],
    });
    expect(await idempotency.runLeased(run, async () => "done")).toMatchObject({ value: "done" });
    expect(ofName("claim")).toHaveLength(5);
    expect(ofName("giveBack")).toHaveLength(3);
  });

  test("that waited for another in vain has made none to give back", async () => {
    const { idempotency, ofName } = await warmed({
      claim: [new Fault("lock_timeout"), new Fault("write_conflict")],
    });
    await idempotency.runLeased(run, async () => "done");
    expect(ofName("claim")).toHaveLength(3);
    expect(ofName("giveBack")).toEqual([]);
  });

  test("of another input is refused", async () => {
    const { idempotency } = over({ claim: [{ ...held, fingerprint: "other" }] });
    expect((await failureOf(idempotency.runLeased(run, async () => 1))).code).toBe("KEY_REUSED");
  });

  test("that fails for good fails the run before its handler", async () => {
    const { idempotency } = over({ claim: [new Fault(undefined)] });
    const handler = () => expect.fail("executed");
    expect((await failureOf(idempotency.runLeased(run, handler))).code).toBe("STORE_MISCONFIGURED");
  });
});

describe("steps", () => {
  test("are read from the second attempt on, until that is answered, and not executed again", async () => {
    const response = 'devalue:["before"]';
    const { idempotency, ofName } = over({
      claim: [{ state: "claimed", attempt: 2 }],
      steps: [away, [{ name: "charge", response }]],
    });
    const { value } = await idempotency.runLeased(run, ({ step }) =>
      step("charge", () => expect.fail("again")),
    );
    expect(value).toBe("before");
    expect(ofName("steps")).toHaveLength(2);
    const fresh = over({});
    await fresh.idempotency.runLeased(run, ({ step }) => step("charge", () => 1));
    expect(fresh.ofName("steps")).toEqual([]);
  });

  test("are reconciled from the second attempt on", async () => {
    const charging = async (attempt: number) => {
      const { idempotency } = over({ claim: [{ state: "claimed", attempt }] });
      const reconcile = async () => "found";
      return (await idempotency.runLeased(run, ({ step }) => step("charge", () => "made", { reconcile })))
        .value;
    };
    expect([await charging(1), await charging(2)]).toEqual(["made", "found"]);
  });

  test("that are not recorded end the run, as the lease is lost, or the row is kept from it", async () => {
    const recording = (answers: Parameters<typeof over>[0]) =>
      failureOf(
        over({ recordStep: [false], ...answers }).idempotency.runLeased(run, ({ step }) =>
          step("charge", () => 1),
        ),
      );
    expect((await recording({})).code).toBe("LEASE_LOST");
    expect((await recording({ holds: times(2, true) })).code).toBe("STORE_MISCONFIGURED");
    expect((await recording({ recordStep: [new Fault(undefined)] })).code).toBe("STORE_MISCONFIGURED");
  });
});

test("the input of a run cannot be stored: that is said, and nothing is executed", async () => {
  const { idempotency, asked } = over({}, { storeInput: true });
  const input = {
    a: 1,
    get b(): number {
      throw new RangeError("no");
    },
  };
  await expect(
    idempotency.runLeased({ ...run, input: 1, storedInput: input } as never, () => expect.fail("executed")),
  ).rejects.toThrow();
  expect(asked).toEqual([]);
});
