import type { inferRouterOutputs } from "@trpc/server";
import type { AppRouter } from "../app/trpc.ts";
import type { Cart } from "./cart.ts";
import { cartIdIn, type Lane } from "./lanes.ts";
import type { Attempt } from "./network.ts";

export type Ledger = inferRouterOutputs<AppRouter>["ledger"];
export type StoredRecord = Ledger["records"][number];

/** All that is known of one way in which the cart is paid. */
export interface InLane {
  readonly lane: Lane;
  readonly attempts: readonly Attempt[];
  readonly orders: Ledger["orders"];
  readonly charges: Ledger["charges"];
  readonly record: StoredRecord | undefined;
}

export const emptyLedger: Pick<Ledger, "orders" | "charges" | "records"> = {
  orders: [],
  charges: [],
  records: [],
};

interface Sources {
  readonly cart: Cart;
  readonly attempts: readonly Attempt[];
  readonly ledger: typeof emptyLedger;
}

export function inLane(lane: Lane, { cart, attempts, ledger }: Sources): InLane {
  const id = cartIdIn(lane, cart.id);
  return {
    lane,
    attempts: attempts.filter((attempt) => attempt.lane === lane),
    orders: ledger.orders.filter((order) => order.cart === id),
    charges: ledger.charges.filter((charge) => charge.cart === id),
    // The key of an intent that succeeds once begins with the intent.
    record: lane === "with" ? ledger.records.find(({ key }) => key.startsWith(id)) : undefined,
  };
}
