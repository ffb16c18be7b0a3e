/** Records of each kind, as the console shows them. */
import { Decimal } from "decimal.js";
import { createIdempotency } from "../../src/create-idempotency.ts";
import type { TestDatabase } from "../support/database.ts";
import { door, expire } from "../support/runs.ts";

class CardDeclined extends Error {
  override name = "CardDeclined";
  readonly code = "card_declined";
  readonly order = { id: 118, total: new Decimal("249.90") };
}

/** An idempotency that stores the errors it knows, and inputs. */
export const shopOf = (db: TestDatabase) =>
  createIdempotency({
    prisma: db.prisma,
    storeInput: true,
    errorClasses: [CardDeclined],
    storeError: (error) => error instanceof CardDeclined,
  });

export type Shop = ReturnType<typeof shopOf>;

export const KEYS = {
  completed: "8e03978e-40d5-43dd-bc93-6894a57f9324",
  failed: "2f1c0b7a-6f5e-4c39-9a52-0d1e7b6c1d44",
  stepped: "c41f6a1e-93f7-4ab0-8a83-5f7d2f0d9b10",
  alive: "0a7d5c9e-2b1f-4f6e-8d3a-7c5b9e1f2a68",
  abandoned: "5b9e1f2a-687c-4d3a-8f6e-2b1f0a7d5c9e",
  expired: "d3a7c5b9-e1f2-4a68-b7d5-c9e2b1f4f6e8",
  other: "7c9e6679-7425-40de-944b-e07fc1f90ae7",
} as const;

/** Makes one record of each kind, of scope "user-42" but for the last, and ends the run that is under way when it is disposed. */
export async function makeRecords(db: TestDatabase, shop: Shop): Promise<AsyncDisposable> {
  const place = (key: string, value: unknown, scope = "user-42") =>
    shop.run({ operation: "orders.place", scope, key }, async () => value);
  await place(KEYS.expired, { id: 90, state: "placed" });
  await expire(db, KEYS.expired);
  await place(KEYS.other, { id: 117, state: "placed" }, "user-7");
  await place(KEYS.completed, {
    id: 118,
    state: "placed",
    total: new Decimal("249.90"),
    placedAt: new Date(1_767_225_600_000),
    items: [
      { sku: "BK-2041", title: "The Art of Doing It Once", quantity: 1, price: new Decimal("39.90") },
      { sku: "LT-0007", title: "Reading lamp, brass", quantity: 2, price: new Decimal("105.00") },
    ],
    reference: 9_007_199_254_740_993n,
  });
  await shop
    .runSettled({ operation: "payments.capture", scope: "user-42", key: KEYS.failed }, async () => {
      throw new CardDeclined("The card was declined by its bank.");
    })
    .catch(() => {});
  await makeLeased(shop);
  const { wait, arrived, open } = door();
  const alive = shop.runLeased(
    { operation: "reports.export", scope: "user-42", key: KEYS.alive, input: { month: "2026-01" } },
    async ({ step }) => {
      await step("rows collected", () => ({ rows: 48_211 }));
      await wait();
    },
  );
  await arrived;
  return {
    async [Symbol.asyncDispose]() {
      open();
      await alive.catch(() => {});
    },
  };
}

/** Leased runs: one that has ended, and one that nobody executes. */
async function makeLeased(shop: Shop): Promise<void> {
  const checkout = { operation: "checkout.finish", scope: "user-42" };
  await shop.runLeased(
    { ...checkout, key: KEYS.stepped, input: { cart: "c-981", card: "tok_visa" } },
    async ({ step, transaction }) => {
      await step("card charged", () => ({ charge: "ch_3Nf", amount: new Decimal("249.90") }));
      await transaction("order written", () => ({ id: 118 }));
      await step("receipt sent", () => ({ message: "m-5512", to: "ada@example.com" }));
      return { order: 118, charge: "ch_3Nf" };
    },
  );
  await shop
    .runLeased({ ...checkout, key: KEYS.abandoned, input: { cart: "c-982" } }, async ({ step }) => {
      await step("card charged", () => ({ charge: "ch_9Qa" }));
      throw new Error("the process is killed");
    })
    .catch(() => {});
}
