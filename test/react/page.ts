/** A page with a checkout, whatever sends its order: what is the same for every library and for React itself. */
import { render } from "@testing-library/react";
import { createElement, type ReactNode, StrictMode } from "react";
import { expect } from "vitest";
import { idempotencyKeyHeader } from "../../src/client/index.ts";
import { badLuck, type Dice, type Intent, orderOf } from "../client/interleavings.ts";
import type { Order, Shop } from "../client/shop.ts";
import { eventually } from "../support/eventually.ts";

/** A loaded page. What is left of it after a reload neither sends nor stores anything. */
export class Page {
  readonly shop: Shop;
  readonly ids: string[] = [];
  readonly errors: unknown[] = [];
  readonly gone = new AbortController();
  click: () => void = () => {};
  running = 0;

  constructor(shop: Shop) {
    this.shop = shop;
  }

  ended(data: string | undefined, error?: unknown) {
    this.running -= 1;
    if (data === undefined) this.errors.push(error);
    else this.ids.push(data);
  }
}

/** Renders the checkout of an order on a page of its own. */
export type Checkout = (page: Page) => (order: Order) => ReactNode;

export async function place(page: Page, { order, key }: { order: Order; key: string }): Promise<string> {
  const signal = AbortSignal.any([page.gone.signal, AbortSignal.timeout(60_000)]);
  const response = await fetch(`${page.shop.url}/orders`, {
    method: "POST",
    headers: { "content-type": "application/json", ...idempotencyKeyHeader(key) },
    body: JSON.stringify(order),
    signal,
  });
  if (!response.ok) throw Object.assign(new Error("refused"), { status: response.status });
  return ((await response.json()) as { id: string }).id;
}

export function show(page: Page, checkout: Checkout, order: Order) {
  const child = checkout(page);
  const tree = (shown: Order) => createElement(StrictMode, null, child(shown));
  const { rerender, unmount } = render(tree(order));
  return { edit: (next: Order) => rerender(tree(next)), unmount };
}

export const idle = (page: Page) => eventually(() => expect(page.running).toBe(0));

/** Clicks, double clicks and reloads on a page of its own, until the user sees an order. */
export async function buy(shop: Shop, checkout: Checkout, customer: string, random: Dice): Promise<Intent> {
  const order = orderOf(customer);
  const ids = new Set<string>();
  shop.fatesOf.set(
    customer,
    badLuck(random).filter((fate) => fate !== "never answered" && fate !== "executed late"),
  );
  let page = new Page(shop);
  let shown = show(page, checkout, order);
  for (let click = 0; ids.size === 0; click += 1) {
    if (click === 3) shop.fatesOf.delete(customer);
    expect(click).toBeLessThan(50);
    page.click();
    if (random.chance(0.25)) page.click();
    if (random.chance(0.3)) {
      await new Promise((resolve) => setTimeout(resolve, random.below(8)));
      // A reload: nothing of the old page goes on, but what it has sent is on its way.
      page.gone.abort();
      shown.unmount();
      // What it has settled, the user has seen.
      for (const id of page.ids) ids.add(id);
      page = new Page(shop);
      shown = show(page, checkout, order);
    } else {
      await idle(page);
      for (const id of page.ids) ids.add(id);
    }
  }
  shown.unmount();
  return { customer, ids, isAnswered: true };
}

/** One intent, and sometimes the same order once more, which is another. */
export async function buyOnceOrTwice(...[shop, checkout, customer, random]: Parameters<typeof buy>) {
  const intents = [await buy(shop, checkout, customer, random)];
  if (random.chance(0.3)) intents.push(await buy(shop, checkout, customer, random));
  return intents;
}
