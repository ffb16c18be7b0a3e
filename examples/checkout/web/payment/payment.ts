import { type Cart, linesOf, type PaidOrder } from "../cart.ts";

export interface PaymentOptions {
  readonly cart: Cart;
  readonly onPaid: (cart: string, order: PaidOrder) => void;
}

/** What all three ways to pay return. */
export interface Payment {
  /** Call it again as long as there is no answer. */
  readonly pay: () => void;
  readonly isPending: boolean;
  readonly error: { readonly message: string } | null;
}

export const inputOf = (cart: Cart) => ({ id: cart.id, lines: linesOf(cart) });

/** Enough for a server that is killed and comes back after some seconds. */
export const RETRIES = { attemptsMax: 20, backoffMsMax: 2_000 };
