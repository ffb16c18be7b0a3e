import { createIdempotency } from "onceonly";
import { place } from "../shop.ts";
import { type Contender, running } from "./contender.ts";

export const OPERATION = "orders.place";
export const SCOPE = "ada";

/** How long the lease of a process that was killed is waited for; the default is a minute. */
export const LEASE_MS = 3_000;

/** What the client sent, compared on every replay. */
export const INPUT = { item: "book", quantity: 2 };

export const onceonly: Contender = {
  name: "onceonly",
  title: "onceonly",
  replays: true,
  needs: undefined,
  databases: "all",
  async open({ prisma }) {
    const idempotency = createIdempotency({ prisma });
    return running(async (key, work) => {
      const request = { operation: OPERATION, scope: SCOPE, key, input: INPUT };
      const { value } = await idempotency.run(request, ({ tx, afterCommit }) => {
        if (work.committed !== undefined) afterCommit(work.committed);
        return place(tx, key, work);
      });
      return value;
    });
  },
};

export const onceonlyLease: Contender = {
  name: "onceonly-lease",
  title: "onceonly, mode lease",
  replays: true,
  needs: undefined,
  databases: "all",
  async open({ prisma }) {
    const idempotency = createIdempotency({
      prisma,
      leaseMs: LEASE_MS,
      transaction: { timeoutMs: LEASE_MS },
    });
    return running(async (key, work) => {
      const request = { operation: OPERATION, scope: SCOPE, key, input: INPUT };
      const { value } = await idempotency.runLeased(request, async ({ transaction }) => {
        const placed = await transaction("place", ({ tx }) => place(tx, key, work));
        await work.committed?.();
        return placed;
      });
      return value;
    });
  },
};
