import { deepStrictEqual as equal, ok } from "node:assert";
import type { Store } from "../../core/contract/store.ts";
import { type Check, completedBy, ID, lapse, leaseBy, OPERATION } from "./conformance-case.ts";

const step = (owner: string, response = "done", name = "charge") => ({ id: ID, owner, name, response });
const renewal = (owner: string) => ({ id: ID, owner, leaseMs: 90_000, retentionMs: 60_000 });
const givenBack = (owner: string, delayMs = 0) => ({ id: ID, owner, delayMs, retentionMs: 60_000 });
const completed = (owner: string) => completedBy(owner, { retentionMs: 60_000 });
const abandoned = (owner: string, operations: readonly string[] = [OPERATION]) => ({
  operations,
  owner,
  leaseMs: 60_000,
  retentionMs: 60_000,
});

/** All writes of an owner, which must change nothing. */
async function expectNoWrite({ leases, upkeep }: Store<unknown>, owner: string): Promise<void> {
  const before = await upkeep.inspect(ID);
  equal(await leases.renew(renewal(owner)), false);
  equal(await leases.recordStep(step(owner)), false);
  equal(await leases.giveBack(givenBack(owner)), false);
  equal(await leases.complete(completed(owner)), false);
  equal(await leases.holds({ id: ID, owner }), false);
  const after = await upkeep.inspect(ID);
  equal(after, { ...before, nowMs: after?.nowMs });
}

/** What a store keeps for leased runs. */
export const leaseCases: Readonly<Record<string, Check>> = {
  "a lease is held until it ends, and its fingerprint is told": async ({ store: { leases } }) => {
    equal(await leases.claim(leaseBy("first")), { state: "claimed", attempt: 1 });
    equal(await leases.claim(leaseBy("second", { fingerprint: "g" })), { state: "held", fingerprint: "f" });
    equal(await leases.holds({ id: ID, owner: "first" }), true);
    equal(await leases.complete(completed("first")), true);
    const record = { status: "completed", fingerprint: "f", owner: "first", response: "done" };
    equal(await leases.claim(leaseBy("second")), { state: "finished", record });
    equal(await leases.outcomeOf(ID), record);
  },

  "an executor that was taken over writes nothing": async ({ store }) => {
    const { leases } = store;
    await leases.claim(leaseBy("first", { leaseMs: 1 }));
    await lapse();
    equal(await leases.claim(leaseBy("second")), { state: "claimed", attempt: 2 });
    await expectNoWrite(store, "first");
    equal(await leases.steps(ID), []);
  },

  "nobody writes once the outcome is stored": async ({ store }) => {
    const { leases } = store;
    await leases.claim(leaseBy("first"));
    equal(await leases.complete(completed("first")), true);
    await expectNoWrite(store, "first");
  },

  "a lease that is renewed is held again": async ({ store: { leases } }) => {
    await leases.claim(leaseBy("first", { leaseMs: 1 }));
    await lapse();
    equal(await leases.renew(renewal("first")), true);
    equal(await leases.claim(leaseBy("second")), { state: "held", fingerprint: "f" });
  },

  "a step that is recorded again takes the place of the first, and counts as recorded": async ({
    store: { leases },
  }) => {
    await leases.claim(leaseBy("first"));
    equal(await leases.recordStep(step("first")), true);
    equal(await leases.recordStep(step("first")), true);
    equal(await leases.recordStep(step("first", "again")), true);
    equal(await leases.steps(ID), [{ name: "charge", response: "again" }]);
  },

  "steps are told apart whose names differ by case, by a space or by an accent": async ({
    store: { leases },
  }) => {
    await leases.claim(leaseBy("first"));
    const names = ["charge", "Charge", "charge ", "chargé"];
    for (const name of names) {
      equal(await leases.recordStep(step("first", name, name)), true);
    }
    const found = await leases.steps(ID);
    equal(found.map(({ name }) => name).toSorted(), names.toSorted());
    ok(found.every(({ name, response }) => name === response));
  },

  "steps of a record that has expired are forgotten, and recorded anew": async ({ store: { leases } }) => {
    await leases.claim(leaseBy("first", { leaseMs: 1, retentionMs: 1 }));
    await leases.recordStep(step("first"));
    equal((await leases.steps(ID)).length, 1);
    await lapse();
    equal(await leases.claim(leaseBy("second")), { state: "claimed", attempt: 1 });
    equal(await leases.steps(ID), []);
    equal(await leases.recordStep(step("second", "anew")), true);
    equal(await leases.steps(ID), [{ name: "charge", response: "anew" }]);
  },

  "steps are kept for the next owner": async ({ store: { leases } }) => {
    await leases.claim(leaseBy("first"));
    await leases.recordStep(step("first"));
    equal(await leases.giveBack(givenBack("first", 60_000)), true);
    equal(await leases.claim(leaseBy("second")), { state: "claimed", attempt: 2 });
    equal(await leases.steps(ID), [{ name: "charge", response: "done" }]);
  },

  "an abandoned run is claimed once, by who may execute its operation": async ({ store: { leases } }) => {
    await leases.claim(leaseBy("first", { leaseMs: 1, scope: "s", key: "k", input: "the input" }));
    await lapse();
    equal(await leases.claimAbandoned(abandoned("second", ["orders.cancel"])), undefined);
    const found = await leases.claimAbandoned(abandoned("second", ["orders.cancel", OPERATION]));
    equal(found, {
      id: ID,
      scope: "s",
      operation: OPERATION,
      key: "k",
      fingerprint: "f",
      attempt: 2,
      input: "the input",
    });
    equal(await leases.claimAbandoned(abandoned("third")), undefined);
    equal(await leases.complete(completed("second")), true);
  },

  "a run without a stored input, or with a lease, is not abandoned": async ({ store: { leases } }) => {
    await leases.claim(leaseBy("first", { leaseMs: 1, input: null }));
    await leases.claim(leaseBy("first", { id: "held" }));
    await lapse();
    equal(await leases.claimAbandoned(abandoned("second")), undefined);
  },

  "a lease that was given back is free for a retry at once, and for completers after the delay": async ({
    store: { leases },
  }) => {
    await leases.claim(leaseBy("first"));
    equal(await leases.giveBack(givenBack("first", 60_000)), true);
    equal(await leases.claimAbandoned(abandoned("second")), undefined);
    equal(await leases.claim(leaseBy("third")), { state: "claimed", attempt: 2 });
    equal(await leases.giveBack(givenBack("third", 0)), true);
    // It lapses this very millisecond, which need not be over.
    await lapse();
    equal((await leases.claimAbandoned(abandoned("fourth")))?.attempt, 3);
  },

  "a step in a transaction commits with it, and only for the owner": async (test) => {
    const { leases } = test.store;
    await leases.claim(leaseBy("first"));
    const record = (owner: string) =>
      test.store.transaction(
        { limits: { maxWaitMs: 10_000, timeoutMs: 10_000, lockWaitMs: 0, isolationLevel: undefined } },
        async (session) => ({ value: await session.recordStep(step(owner)) }),
      );
    equal(await record("another"), false);
    equal(await leases.steps(ID), []);
    equal(await record("first"), true);
    equal(await leases.steps(ID), [{ name: "charge", response: "done" }]);
  },
};
