import { type Cart, linesOf, type PaidOrder } from "../cart.ts";
import { cartIdIn, type Lane } from "../lanes.ts";

export interface PaymentOptions {
  readonly cart: Cart;
  readonly onPaid: (lane: Lane, cart: string, order: PaidOrder) => void;
}

/** What all three ways to pay return. */
export interface Payment {
  /** Call it again as long as there is no answer. */
  readonly pay: () => void;
  readonly isPending: boolean;
  readonly error: { readonly message: string } | null;
}

export const inputOf = (lane: Lane, cart: Cart) => ({ id: cartIdIn(lane, cart.id), lines: linesOf(cart) });

/** Enough for a server that is killed and comes back, on a busy machine too. */
export const RETRIES = { attemptsMax: 300, totalMs: 300_000, backoffMsMax: 2_000 };
