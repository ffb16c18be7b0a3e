// oxlint-disable-next-line import/no-unassigned-import -- React looks for a document while it is loaded
import "./dom.ts";
import { act, cleanup } from "@testing-library/react";
import { createElement, type ReactNode, useActionState, useRef } from "react";
import useSWRMutation from "swr/mutation";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { useIdempotencyKey } from "../../src/react/index.ts";
import { orderOf, playAll } from "../client/interleavings.ts";
import { type Order, openShop, type Shop } from "../client/shop.ts";
import { buyOnceOrTwice, type Checkout, idle, Page, place, show } from "./page.ts";

interface Props {
  page: Page;
  order: Order;
}

/** SWR drops the outcome of a trigger that another has overtaken, so the key is settled where the request ends. */
function SwrCheckout({ page, order }: Props): ReactNode {
  const intent = useIdempotencyKey({ intent: order, storage: "sessionStorage" });
  const { trigger } = useSWRMutation("/orders", (_url, { arg }: { arg: { order: Order; key: string } }) =>
    settling(page, intent, arg),
  );
  page.click = () => {
    page.running += 1;
    void trigger({ order, key: intent.key() }, { throwOnError: false });
  };
  return null;
}

/** React runs the actions of one form in turn, so each brings the key that it had when the form was submitted. */
function FormCheckout({ page, order }: Props): ReactNode {
  const intent = useIdempotencyKey({ intent: order, storage: "sessionStorage" });
  const button = useRef<HTMLButtonElement>(null);
  const [, submit] = useActionState(
    (_last: string | undefined, key: string) => settling(page, intent, { order, key }).catch(() => undefined),
    undefined,
  );
  page.click = () => {
    page.running += 1;
    button.current?.click();
  };
  return createElement(
    "form",
    { action: () => submit(intent.key()) },
    createElement("button", { ref: button, type: "submit" }),
  );
}

async function settling(
  page: Page,
  { settle }: Pick<ReturnType<typeof useIdempotencyKey>, "settle">,
  { order, key }: { order: Order; key: string },
): Promise<string> {
  try {
    const id = await place(page, { order, key });
    if (!page.gone.signal.aborted) settle(key);
    page.ended(id);
    return id;
  } catch (error) {
    if (!page.gone.signal.aborted) settle(key, error);
    page.ended(undefined, error);
    throw error;
  }
}

const kinds: [string, Checkout][] = [
  ["useSWRMutation", (page) => (order) => createElement(SwrCheckout, { page, order })],
  ["a form with useActionState", (page) => (order) => createElement(FormCheckout, { page, order })],
];

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop[Symbol.asyncDispose]());
beforeEach(() => {
  shop.fates.length = 0;
  shop.seen.length = 0;
  sessionStorage.clear();
});
afterEach(cleanup);

const keys = () => new Set(shop.seen.map(({ key }) => key));
let customers = 0;
const newOrder = () => orderOf(`swr-or-form-${(customers += 1)}`);

it.each(kinds)("%s makes one order of a click whose answer is lost and of the next one", async (_, kind) => {
  const page = new Page(shop);
  const order = newOrder();
  show(page, kind, order);
  shop.fates.push("response lost");
  for (let click = 0; click < 2; click += 1) {
    act(() => page.click());
    await idle(page);
  }
  expect([page.errors.length, page.ids.length, keys().size]).toEqual([1, 1, 1]);
  expect(await shop.db.countOrders({ customer: order.customer })).toBe(1);
});

it.each(kinds)("%s makes one order of a double click", async (_, kind) => {
  const page = new Page(shop);
  const order = newOrder();
  show(page, kind, order);
  act(() => {
    page.click();
    page.click();
  });
  await idle(page);
  expect([new Set(page.ids).size, page.ids.length, keys().size]).toEqual([1, 2, 1]);
  expect(await shop.db.countOrders({ customer: order.customer })).toBe(1);
});

it.each(kinds)("%s makes a second order of a click after success", async (_, kind) => {
  const page = new Page(shop);
  show(page, kind, newOrder());
  for (let click = 0; click < 2; click += 1) {
    act(() => page.click());
    await idle(page);
  }
  expect([new Set(page.ids).size, keys().size]).toEqual([2, 2]);
});

it.each(kinds)("%s makes one order of each intent in random interleavings", async (name, kind) => {
  await using own = await openShop();
  const { rounds } = await playAll(own, name, (customer, random) =>
    buyOnceOrTwice(own, kind, customer, random),
  );
  expect(own.seen.length).toBeGreaterThan(rounds);
});
