import { useCallback, useSyncExternalStore } from "react";
import { PRODUCTS, type ProductId } from "../app/products.ts";
import { cartIdIn, type Lane } from "./lanes.ts";

export interface Cart {
  readonly id: string;
  readonly quantities: Readonly<Record<ProductId, number>>;
  /** Whether Pay was pressed: from then on, what is paid for no longer changes. */
  readonly isSubmitted: boolean;
  /** The order that came of it in each way, once it is paid. */
  readonly orders: Readonly<Partial<Record<Lane, PaidOrder>>>;
}

export interface PaidOrder {
  readonly id: number;
  readonly totalCents: number;
}

const NAME = "checkout.cart";

/** The cart, shared by all tabs of the browser and kept across reloads. */
export function useCart() {
  const text = useSyncExternalStore(subscribe, read);
  const cart = JSON.parse(text) as Cart;
  const setQuantity = useCallback((product: ProductId, quantity: number) => {
    update((cart) =>
      cart.isSubmitted ? cart : { ...cart, quantities: { ...cart.quantities, [product]: quantity } },
    );
  }, []);
  const markSubmitted = useCallback(() => update((cart) => ({ ...cart, isSubmitted: true })), []);
  const startAnew = useCallback(() => update(newCart), []);
  return { cart, setQuantity, markSubmitted, startAnew };
}

/**
 * An answer may come late: it does nothing to a cart that is gone, or paid already.
 *
 * @returns whether it was the first answer of this way.
 */
export function markPaid(lane: Lane, id: string, { id: number, totalCents }: PaidOrder): boolean {
  const cart = JSON.parse(read()) as Cart;
  const isFirst = cartIdIn(lane, cart.id) === id && cart.orders[lane] === undefined;
  if (isFirst) write({ ...cart, orders: { ...cart.orders, [lane]: { id: number, totalCents } } });
  return isFirst;
}

export function linesOf({ quantities }: Cart) {
  return PRODUCTS.filter(({ id }) => quantities[id] > 0).map(({ id }) => ({
    product: id,
    quantity: quantities[id],
  }));
}

export function totalCentsOf({ quantities }: Cart): number {
  return PRODUCTS.reduce((sum, { id, priceCents }) => sum + priceCents * quantities[id], 0);
}

function newCart(): Cart {
  const quantities = { sidamo: 2, huila: 1, filters: 0 };
  return { id: crypto.randomUUID(), quantities, isSubmitted: false, orders: {} };
}

const listeners = new Set<() => void>();

function read(): string {
  return localStorage.getItem(NAME) ?? write(newCart());
}

function update(change: (cart: Cart) => Cart): void {
  write(change(JSON.parse(read()) as Cart));
}

function write(cart: Cart): string {
  const text = JSON.stringify(cart);
  localStorage.setItem(NAME, text);
  for (const listener of listeners) listener();
  return text;
}

/** The event comes from other tabs only. */
function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("storage", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("storage", listener);
  };
}
