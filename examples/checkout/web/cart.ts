import { useCallback, useSyncExternalStore } from "react";
import { PRODUCTS, type ProductId } from "../app/products.ts";

export interface Cart {
  readonly id: string;
  readonly quantities: Readonly<Record<ProductId, number>>;
  /** What came of it, once it is paid. */
  readonly order?: PaidOrder;
}

export interface PaidOrder {
  readonly id: number;
  readonly totalCents: number;
}

const NAME = "checkout.cart";

/** The cart, shared by all tabs of the browser and kept over reloads. */
export function useCart() {
  const text = useSyncExternalStore(subscribe, read);
  const cart = JSON.parse(text) as Cart;
  const setQuantity = useCallback((product: ProductId, quantity: number) => {
    const { order, ...open } = JSON.parse(read()) as Cart;
    if (order === undefined) write({ ...open, quantities: { ...open.quantities, [product]: quantity } });
  }, []);
  /** An answer may be late: to a cart that is gone it does nothing. */
  const markPaid = useCallback((id: string, order: PaidOrder) => {
    const current = JSON.parse(read()) as Cart;
    if (current.id === id) write({ ...current, order: { id: order.id, totalCents: order.totalCents } });
  }, []);
  const startAnew = useCallback(() => write(newCart()), []);
  return { cart, setQuantity, markPaid, startAnew };
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
  return { id: crypto.randomUUID(), quantities: { sidamo: 2, huila: 1, filters: 0 } };
}

const listeners = new Set<() => void>();

function read(): string {
  return localStorage.getItem(NAME) ?? write(newCart());
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
