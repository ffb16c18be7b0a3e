/** The cases for stores find what a store does not keep: ours, broken on purpose. */
import { AssertionError } from "node:assert";
import { expect, it } from "vitest";
import type { Claim, LeaseStore, Store, StoreSession } from "../../src/core/contract/store.ts";
import { createPrismaStore } from "../../src/prisma/create-store.ts";
import { storeConformance } from "../../src/testing/index.ts";
import { openSqlite } from "../support/database.ts";
import { orderOf } from "../support/runs.ts";
import type { Tx } from "../support/shop.ts";

type Broken = (store: Store<Tx>) => Store<Tx>;

/** The same object with other members: that of a class cannot be spread. */
const withMembers = <T extends object>(object: T, members: Partial<T>): T =>
  new Proxy(object, {
    get(target, name) {
      const value: unknown = Reflect.get(Object.hasOwn(members, name) ? members : target, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });

const leasing =
  (members: (leases: LeaseStore) => Partial<LeaseStore>): Broken =>
  (store) =>
    withMembers(store, {
      get leases() {
        return withMembers(store.leases, members(store.leases));
      },
    });

const inSession =
  (members: (session: StoreSession<Tx>) => Partial<StoreSession<Tx>>): Broken =>
  (store) =>
    withMembers(store, {
      transaction: (opening, body) =>
        store.transaction(opening, (session) => body(withMembers(session, members(session)))),
    });

const broken: Record<string, { store: Broken; finds: string }> = {
  "commits what its body rejects": {
    finds: "a transaction whose body rejects leaves nothing",
    store: (store) =>
      withMembers(store, {
        transaction: async (opening, body) => {
          let thrown: { error: unknown } | undefined;
          const value = await store.transaction(opening, (session) =>
            body(session).catch((error: unknown) => {
              thrown = { error };
              return { value: undefined as never };
            }),
          );
          if (thrown !== undefined) throw thrown.error;
          return value;
        },
      }),
  },
  "stores an outcome for whoever asks": {
    finds: "an outcome of another owner is not stored, and nothing is committed",
    store: (store) =>
      withMembers(store, {
        transaction: (opening, body) =>
          store.transaction(opening, async (session) => {
            const { outcome, ...ending } = await body(session);
            const owner = opening.claim?.owner;
            return outcome === undefined || owner === undefined
              ? ending
              : { ...ending, outcome: { ...outcome, owner } };
          }),
      }),
  },
  "undoes nothing": {
    finds: "undo takes the handler's writes back, and keeps the claim",
    store: inSession(() => ({ undo: async () => {} })),
  },
  "does not know its handler": {
    finds: "the running handler is known inside of it, and nowhere else",
    store: (store) => withMembers(store, { runningHandler: () => undefined }),
  },
  "remembers nothing": {
    finds: "a transaction commits its claim, the handler's writes and the outcome together",
    store: (store) => withMembers(store, { replayable: async () => undefined }),
  },
  "gives a lease that is held to the next": {
    finds: "a lease is held until it ends, and its fingerprint is told",
    store: leasing((leases) => ({
      claim: async (params): Promise<Claim> => {
        const claim = await leases.claim(params);
        return claim.state === "held" ? { state: "claimed", attempt: 2 } : claim;
      },
    })),
  },
  "says that it recorded a step, whoever asks": {
    finds: "an executor that was taken over writes nothing",
    store: leasing((leases) => ({ recordStep: (params) => leases.recordStep(params).then(() => true) })),
  },
  "forgets the steps when a lease is given back": {
    finds: "steps are kept for the next owner",
    store: leasing(() => ({ steps: async () => [] })),
  },
  "gives an abandoned run to a completer of another operation": {
    finds: "an abandoned run is claimed once, by who may execute its operation",
    store: leasing((leases) => ({
      claimAbandoned: (params) => leases.claimAbandoned({ ...params, operations: ["orders.place"] }),
    })),
  },
  "prunes more than it is asked for": {
    finds: "only what has expired is pruned, no more at a time than is asked for",
    store: (store) =>
      withMembers(store, {
        upkeep: withMembers(store.upkeep, { prune: () => store.upkeep.prune({ limit: 100 }) }),
      }),
  },
};

it.each(Object.entries(broken))("a store that %s fails a case", async (_, { store, finds }) => {
  const cases = storeConformance<Tx>({
    open: async () => {
      const db = await openSqlite();
      return {
        store: store(createPrismaStore({ prisma: db.prisma })),
        write: (tx) => tx.order.create({ data: orderOf("k") }),
        written: () => db.countOrders(),
        close: () => db[Symbol.asyncDispose](),
      };
    },
  });
  const run = cases.find(({ name }) => name === finds)?.run;
  await expect(run?.()).rejects.toBeInstanceOf(AssertionError);
});
