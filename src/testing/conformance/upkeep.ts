import { deepStrictEqual as equal, ok } from "node:assert";
import type { Store } from "../../core/contract/store.ts";
import type { ListParams } from "../../core/contract/upkeep/upkeep-store.ts";
import { type Check, claimBy, execute, ID, lapse, leaseBy, OPERATION } from "./conformance-case.ts";

const page = (more: Partial<ListParams> = {}): ListParams => ({
  filter: {},
  after: undefined,
  upTo: undefined,
  limit: 10,
  ...more,
});

const idsOf = async (store: Store<unknown>, params: ListParams): Promise<readonly string[]> =>
  (await store.upkeep.list(params)).map(({ place }) => place.id);

/** What a store keeps for those who look after records. */
export const upkeepCases: Readonly<Record<string, Check>> = {
  "all is read that is stored of a record, and nothing of an unknown one": async (test) => {
    const { upkeep } = test.store;
    equal(await upkeep.inspect("unknown"), undefined);
    await execute(test, test.store, claimBy("first"));
    const found = await upkeep.inspect(ID);
    const { operation, scope, key, status, owner, attempt, response, input, leasedUntilMs, steps } =
      found ?? {};
    equal(
      { operation, scope, key, status, owner, attempt, response, input, leasedUntilMs, steps },
      {
        operation: OPERATION,
        scope: "s",
        key: "k",
        status: "completed",
        owner: "first",
        attempt: 1,
        response: "done",
        input: null,
        leasedUntilMs: null,
        steps: [],
      },
    );
    ok(found !== undefined && found.claimedAtMs <= found.nowMs && found.expiresAtMs > found.nowMs);
  },

  "only what has expired is pruned, no more at a time than is asked for": async (test) => {
    const { store } = test;
    for (const id of ["a", "b", "c"]) {
      await execute(test, store, claimBy("first", { id }), { retentionMs: 1 });
    }
    await execute(test, store, claimBy("first", { id: "kept" }));
    await lapse();
    equal(await store.upkeep.prune({ limit: 2 }), { deleted: 2, isFull: true });
    equal((await store.upkeep.prune({ limit: 2 })).deleted, 1);
    equal(await idsOf(store as Store<unknown>, page()), ["kept"]);
  },

  "a record is forgotten with its steps, but not while a run holds it": async ({ store }) => {
    const { upkeep, leases } = store;
    equal(await upkeep.forget(ID), "unknown");
    await leases.claim(leaseBy("first"));
    await leases.recordStep({ id: ID, owner: "first", name: "charge", response: "done" });
    equal(await upkeep.forget(ID), "in_progress");
    await leases.giveBack({ id: ID, owner: "first", delayMs: 0, retentionMs: 60_000 });
    equal(await upkeep.forget(ID), "forgotten");
    equal(await upkeep.inspect(ID), undefined);
    equal(await leases.steps(ID), []);
  },

  "a text is rewritten only in the place of the one that was read": async (test) => {
    const { upkeep } = test.store;
    await execute(test, test.store, claimBy("first"));
    equal(await upkeep.rewrite({ id: ID, column: "response", from: "other", to: "new" }), false);
    equal(await upkeep.rewrite({ id: ID, column: "response", from: "done", to: "new" }), true);
    equal((await test.store.replayable(ID))?.response, "new");
  },

  "records are listed in the order of their expiry, the last first, page by page": async (test) => {
    const store = test.store as Store<unknown>;
    for (const [n, id] of ["a", "b", "c"].entries()) {
      await execute(test, test.store, claimBy("first", { id, key: id }), { retentionMs: 60_000 * (n + 1) });
    }
    equal(await idsOf(store, page()), ["c", "b", "a"]);
    const [, second] = await store.upkeep.list(page({ limit: 2 }));
    equal(await idsOf(store, page({ after: second?.place })), ["a"]);
    equal(await idsOf(store, page({ filter: { key: "b" } })), ["b"]);
    equal(await idsOf(store, page({ filter: { state: "failed" } })), []);
  },

  "the state of the tables is counted": async (test) => {
    const { store } = test;
    await execute(test, store, claimBy("first", { id: "expired" }), { retentionMs: 1 });
    await store.leases.claim(leaseBy("first", { id: "lapsed", leaseMs: 1 }));
    await store.leases.claim(leaseBy("first", { id: "held" }));
    await lapse();
    const { inProgress, abandoned, expired } = await store.upkeep.stats();
    equal({ inProgress, abandoned, expired }, { inProgress: 2, abandoned: 1, expired: 1 });
    const counts = await store.upkeep.count(null);
    equal(counts.map(({ operation, status, records }) => `${operation} ${status} ${records}`).toSorted(), [
      `${OPERATION} completed 1`,
      `${OPERATION} in_progress 2`,
    ]);
  },
};
