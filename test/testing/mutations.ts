/** Mutations of a shop: right ones, and ones that are broken as people break them. */
import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import type { RunOptions } from "../../src/core/contract/options/options.ts";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { withAmbientTransaction } from "../../src/prisma/ambient/ambient.ts";
import type { ExactlyOnceFinding } from "../../src/testing/kit/findings.ts";
import type { Mutation, MutationCall } from "../../src/testing/kit/watch.ts";
import type { TestClient } from "../support/clients.ts";
import { orderOf } from "../support/runs.ts";
import type { Tx } from "../support/shop.ts";

/** A shop that mails, and counts in memory. */
export interface Shop {
  readonly prisma: TestClient;
  readonly mails: string[];
  counted: number;
}

export const idempotencyOf = ({ prisma }: Shop, options: RunOptions = {}) =>
  // A write that waits for its own transaction on SQLite ends with it.
  createIdempotency({ prisma, transaction: { timeoutMs: 1_000 }, ...options });

export const request = ({ key, caller }: MutationCall, more: object = {}) => ({
  operation: "orders.place",
  scope: caller,
  key,
  input: { item: "book" },
  ...more,
});

export const order = (key: string) => ({ data: orderOf(key) });
const account = () => ({ data: { id: randomUUID(), balance: 1 } });

/** An expected error, hence an answer. */
class SoldOut extends Error {
  override readonly name = "SoldOut";
}

async function writeBoth(tx: Tx, key: string): Promise<{ item: string }> {
  await tx.order.create(order(key));
  await tx.account.create(account());
  return { item: "book" };
}

export const right: Readonly<Record<string, (shop: Shop) => Mutation>> = {
  "two writes through tx": (shop) => {
    const idempotency = idempotencyOf(shop);
    return (call) => idempotency.run(request(call), ({ tx }) => writeBoth(tx, call.key));
  },
  "an ambient client, and a nested transaction": (shop) => {
    const idempotency = idempotencyOf(shop);
    const prisma = withAmbientTransaction(shop.prisma);
    return (call) =>
      idempotency.run(request(call), async () => {
        await prisma.order.create(order(call.key));
        await prisma.$transaction(async (tx) => tx.account.create(account()));
        return { item: "book" };
      });
  },
  "expected errors that are stored": (shop) => {
    const idempotency = idempotencyOf(shop, { storeError: (error) => error instanceof SoldOut });
    return (call) => idempotency.run(request(call), ({ tx }) => writeBoth(tx, call.key));
  },
  "duplicates that are refused instead of waiting": (shop) => {
    const idempotency = idempotencyOf(shop, { onDuplicate: "reject" });
    return (call) => idempotency.run(request(call), ({ tx }) => writeBoth(tx, call.key));
  },
  "a leased run with a service that takes keys": (shop) => {
    const idempotency = idempotencyOf(shop);
    const charged = new Set<string>();
    return (call) =>
      idempotency.runLeased(request(call), async ({ step, transaction }) => {
        await step("charge", ({ key }) => {
          if (!charged.has(key)) shop.mails.push(key);
          charged.add(key);
        });
        return transaction("order", ({ tx }) => writeBoth(tx, call.key));
      });
  },
};

interface Broken {
  /** What must be found, among other things. */
  readonly kind: ExactlyOnceFinding;
  /** What the text must name. */
  readonly names: RegExp;
  readonly mutation: (shop: Shop) => Mutation;
}

export const broken: Readonly<Record<string, Broken>> = {
  "the global client instead of tx": {
    kind: "uncovered write",
    names: /Account\.create at .*mutations\.ts:\d+:\d+/,
    mutation: (shop) => {
      const idempotency = idempotencyOf(shop);
      return (call) =>
        idempotency.run(request(call), async ({ tx }) => {
          await tx.order.create(order(call.key));
          await shop.prisma.account.create(account());
        });
    },
  },
  "a transaction of its own in the handler": {
    kind: "uncovered write",
    names: /\$transaction at .*mutations\.ts:\d+:\d+/,
    mutation: (shop) => {
      const idempotency = idempotencyOf(shop);
      return (call) =>
        idempotency.run(request(call), async ({ tx }) => {
          await tx.order.create(order(call.key));
          await shop.prisma.$transaction(async (own) => own.account.create(account()));
        });
    },
  },
  "a result that is stored after the commit": {
    kind: "repeated",
    names: /orders has changed by \+\d, where one execution changes it by \+1/,
    mutation: (shop) => {
      const idempotency = idempotencyOf(shop);
      return async (call) => {
        const placed = await shop.prisma.$transaction((tx) => writeBoth(tx, call.key));
        return idempotency.run(request(call), async () => placed);
      };
    },
  },
  "a mail in the handler": {
    kind: "outside",
    names: /mails has changed by \+1 in an attempt that was rolled back/,
    mutation: (shop) => {
      const idempotency = idempotencyOf(shop);
      return (call) =>
        idempotency.run(request(call), async ({ tx }) => {
          await writeBoth(tx, call.key);
          shop.mails.push(call.key);
        });
    },
  },
  "a mail in a listener that is told before the commit": {
    kind: "outside",
    names: /mails has changed/,
    mutation: (shop) => {
      const idempotency = idempotencyOf(shop);
      const placed = new EventEmitter().on("placed", (key: string) => shop.mails.push(key));
      return (call) =>
        idempotency.run(request(call), async ({ tx }) => {
          await tx.order.create(order(call.key));
          placed.emit("placed", call.key);
          await tx.account.create(account());
        });
    },
  },
  "a counter in memory": {
    kind: "outside",
    names: /counted has changed/,
    mutation: (shop) => {
      const idempotency = idempotencyOf(shop);
      return (call) =>
        idempotency.run(request(call), async ({ tx }) => {
          shop.counted += 1;
          await writeBoth(tx, call.key);
        });
    },
  },
  "a key for each retry": {
    kind: "another record",
    names: /asked for 3 records/,
    mutation: (shop) => {
      const idempotency = idempotencyOf(shop);
      return (call) =>
        idempotency.run(request({ ...call, key: randomUUID() }), ({ tx }) => writeBoth(tx, call.key));
    },
  },
  "one scope for all callers": {
    kind: "shared record",
    names: /scope does not tell them apart/,
    mutation: (shop) => {
      const idempotency = idempotencyOf(shop);
      return (call) => idempotency.run(request(call, { scope: "all" }), ({ tx }) => writeBoth(tx, call.key));
    },
  },
  "a time in the input": {
    kind: "refused",
    names: /KEY_REUSED.*differs from call to call/,
    mutation: (shop) => {
      const idempotency = idempotencyOf(shop);
      return (call) =>
        idempotency.run(request(call, { input: { at: performance.now() } }), ({ tx }) =>
          writeBoth(tx, call.key),
        );
    },
  },
  "a write that nobody awaits": {
    kind: "late statement",
    names: /orders\.place had ended, and was not sent/,
    mutation: (shop) => {
      const idempotency = idempotencyOf(shop);
      const write = async (tx: Tx) => {
        await turn();
        await tx.account.create(account());
      };
      return (call) =>
        idempotency.run(request(call), async ({ tx }) => {
          await tx.order.create(order(call.key));
          write(tx).catch(() => {});
        });
    },
  },
  "an error that is caught in the transaction": {
    kind: "swallowed error",
    names: /accounts has changed by 0, where one execution changes it by \+1/,
    mutation: (shop) => {
      const idempotency = idempotencyOf(shop);
      return (call) =>
        idempotency.run(request(call), async ({ tx }) => {
          await tx.order.create(order(call.key));
          try {
            await tx.account.create(account());
          } catch {
            return { item: "book, perhaps" };
          }
          return { item: "book" };
        });
    },
  },
  "every error stored as an answer": {
    kind: "stored error",
    names: /storeError takes it for one/,
    mutation: (shop) => {
      const idempotency = idempotencyOf(shop, { storeError: () => true });
      return (call) => idempotency.run(request(call), ({ tx }) => writeBoth(tx, call.key));
    },
  },
  "one key for everything": {
    kind: "shared record",
    names: /different keys share one record/,
    mutation: (shop) => {
      const idempotency = idempotencyOf(shop);
      return (call) =>
        idempotency.run(request({ ...call, key: "order" }), ({ tx }) => writeBoth(tx, call.key));
    },
  },
  "a key that is optional, and not sent": {
    kind: "unkeyed",
    names: /executed without a key/,
    mutation: (shop) => {
      const idempotency = idempotencyOf(shop);
      return (call) => idempotency.runUnkeyed(({ tx }) => writeBoth(tx, call.key));
    },
  },
  "an answer that is made anew": {
    kind: "another answer",
    names: /a retry must get what was lost/,
    mutation: (shop) => {
      const idempotency = idempotencyOf(shop);
      return async (call) => {
        const { value } = await idempotency.run(request(call), ({ tx }) => writeBoth(tx, call.key));
        return { ...value, receipt: randomUUID() };
      };
    },
  },
  "a mail after the run, by every retry": {
    kind: "repeated",
    names: /mails has changed by \+3/,
    mutation: (shop) => {
      const idempotency = idempotencyOf(shop);
      return async (call) => {
        const result = await idempotency.run(request(call), ({ tx }) => writeBoth(tx, call.key));
        shop.mails.push(call.key);
        return result;
      };
    },
  },
  "a charge in a step, without the key of the step": {
    kind: "repeated",
    names: /mails has changed by \+2, where one execution changes it by \+1/,
    mutation: (shop) => {
      const idempotency = idempotencyOf(shop);
      return (call) =>
        idempotency.runLeased(request(call), async ({ step, transaction }) => {
          await step("charge", () => {
            shop.mails.push(call.key);
          });
          await transaction("order", ({ tx }) => writeBoth(tx, call.key));
        });
    },
  },
  "a mail in afterCommit, which a kill loses": {
    kind: "missing",
    names: /mails has changed by 0/,
    mutation: (shop) => {
      const idempotency = idempotencyOf(shop);
      return (call) =>
        idempotency.run(request(call), async ({ tx, afterCommit }) => {
          await writeBoth(tx, call.key);
          afterCommit(() => shop.mails.push(call.key));
        });
    },
  },
};
