import { useCallback, useSyncExternalStore } from "react";
import { PRODUCTS, type ProductId } from "../app/products.ts";

export interface Cart {
  readonly id: string;
  readonly quantities: Readonly<Record<ProductId, number>>;
  /** Whether Pay was pressed: from then on, what is paid for no longer changes. */
  readonly isSubmitted: boolean;
  /** The order that came of it, once it is paid. */
  readonly order?: PaidOrder;
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
  /** An answer may come late: it does nothing to a cart that is gone. */
  const markPaid = useCallback((id: string, { id: number, totalCents }: PaidOrder) => {
    update((cart) => (cart.id === id ? { ...cart, order: { id: number, totalCents } } : cart));
  }, []);
  const startAnew = useCallback(() => update(newCart), []);
  return { cart, setQuantity, markSubmitted, markPaid, startAnew };
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
  return { id: crypto.randomUUID(), quantities: { sidamo: 2, huila: 1, filters: 0 }, isSubmitted: false };
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
