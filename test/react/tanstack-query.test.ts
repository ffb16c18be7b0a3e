// oxlint-disable-next-line import/no-unassigned-import -- React looks for a document while it is loaded
import "./dom.ts";
import { QueryClient, QueryClientProvider, useMutation } from "@tanstack/react-query";
import { act, cleanup, render } from "@testing-library/react";
import { createTRPCClient, httpLink, type TRPCClient } from "@trpc/client";
import { createTRPCOptionsProxy } from "@trpc/tanstack-react-query";
import { createElement, type ReactNode, StrictMode } from "react";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { idempotencyKeyHeader, isRetryable } from "../../src/client/index.ts";
import { useIdempotencyKey } from "../../src/react/index.ts";
import {
  idempotencyHeaders,
  idempotencyKeyOf,
  idempotencyLink,
  withIdempotencyKey,
} from "../../src/trpc/client/index.ts";
import { badLuck, type Dice, type Intent, orderOf, playAll } from "../client/interleavings.ts";
import { type AppRouter, type Order, openShop, type Shop } from "../client/shop.ts";

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

const RETRY = {
  retry: (count: number, error: unknown) => count < 3 && isRetryable(error),
  retryDelay: 1,
};

/** A loaded page. What is left of it after a reload neither sends nor stores anything. */
class Page {
  readonly client = new QueryClient();
  readonly ids: string[] = [];
  readonly errors: unknown[] = [];
  readonly gone = new AbortController();
  click: () => void = () => {};
  running = 0;

  ended(data: string | undefined, error: unknown) {
    this.running -= 1;
    if (data === undefined) this.errors.push(error);
    else this.ids.push(data);
  }
}

interface Props {
  page: Page;
  order: Order;
}

/** Plain `useMutation`: order and key travel together, as its variables. */
function Checkout({ page, order }: Props): ReactNode {
  const intent = useIdempotencyKey({ intent: order, storage: "sessionStorage" });
  const pay = useMutation({
    ...RETRY,
    mutationFn: (variables: { order: Order; key: string }) => place(page, variables),
    onSettled: (data, error, { key }) => {
      if (page.gone.signal.aborted) return;
      intent.settle(key, error);
      page.ended(data, error);
    },
  });
  page.click = () => {
    page.running += 1;
    pay.mutate({ order, key: intent.key() });
  };
  return null;
}

async function place(page: Page, { order, key }: { order: Order; key: string }): Promise<string> {
  const signal = AbortSignal.any([page.gone.signal, AbortSignal.timeout(2_000)]);
  const response = await fetch(`${shop.url}/orders`, {
    method: "POST",
    headers: { "content-type": "application/json", ...idempotencyKeyHeader(key) },
    body: JSON.stringify(order),
    signal,
  });
  if (!response.ok) throw Object.assign(new Error("refused"), { status: response.status });
  return ((await response.json()) as { id: string }).id;
}

/** `mutationOptions` of tRPC: its variables are the input, so the key travels with that. */
function TrpcCheckout({ page, order, client }: Props & { client: TRPCClient<AppRouter> }): ReactNode {
  const trpc = createTRPCOptionsProxy<AppRouter>({ client, queryClient: page.client });
  const intent = useIdempotencyKey({ intent: order, storage: "sessionStorage" });
  const pay = useMutation(
    trpc.place.mutationOptions({
      ...RETRY,
      onSettled: (data, error, input) => {
        intent.settle(idempotencyKeyOf(input) ?? "", error);
        page.ended(data, error);
      },
    }),
  );
  page.click = () => {
    page.running += 1;
    pay.mutate(withIdempotencyKey(order, intent.key()));
  };
  return null;
}

function trpcClient() {
  return createTRPCClient<AppRouter>({
    links: [
      idempotencyLink(),
      httpLink({
        url: `${shop.url}/trpc`,
        headers: idempotencyHeaders,
        // Without this it takes that of the window.
        fetch: (input, init) => fetch(input as string, init as RequestInit),
      }),
    ],
  });
}

function show(page: Page, child: (order: Order) => ReactNode, order: Order) {
  const tree = (shown: Order) =>
    createElement(
      StrictMode,
      null,
      createElement(QueryClientProvider, { client: page.client }, child(shown)),
    );
  const { rerender, unmount } = render(tree(order));
  return { edit: (next: Order) => rerender(tree(next)), unmount };
}

const kinds = {
  useMutation: (page: Page) => (order: Order) => createElement(Checkout, { page, order }),
  mutationOptions: (page: Page) => {
    const client = trpcClient();
    return (order: Order) => createElement(TrpcCheckout, { page, order, client });
  },
};

const idle = (page: Page) => vi.waitFor(() => expect(page.running).toBe(0), { timeout: 120_000 });
const keys = () => new Set(shop.seen.map(({ key }) => key));
let customers = 0;
const newOrder = () => orderOf(`react-${(customers += 1)}`);

it.each(Object.entries(kinds))("%s keeps its key over TanStack Query's retries", async (_, kind) => {
  const page = new Page();
  const order = newOrder();
  show(page, kind(page), order);
  shop.fates.push("response lost", "503");
  act(() => page.click());
  await idle(page);
  expect(shop.seen.length).toBe(3);
  expect(keys().size).toBe(1);
  expect(await shop.db.countOrders({ customer: order.customer })).toBe(1);
});

it.each(Object.entries(kinds))(
  "%s makes one order of a double click whose halves fail apart",
  async (_, kind) => {
    const page = new Page();
    const order = newOrder();
    show(page, kind(page), order);
    shop.fates.push("answered", "response lost", "503");
    act(() => {
      page.click();
      page.click();
    });
    await idle(page);
    expect(new Set(page.ids).size).toBe(1);
    expect(page.ids.length).toBe(2);
    expect(await shop.db.countOrders({ customer: order.customer })).toBe(1);
  },
);

it.each(Object.entries(kinds))(
  "%s keeps the key of a mutation under way when the user edits the order",
  async (_, kind) => {
    const page = new Page();
    const order = newOrder();
    const { edit } = show(page, kind(page), order);
    shop.fates.push("response lost", "503");
    act(() => page.click());
    edit({ ...order, quantity: 2 });
    await idle(page);
    expect(keys().size).toBe(1);
    act(() => page.click());
    await idle(page);
    expect(keys().size).toBe(2);
    expect(new Set(page.ids).size).toBe(2);
    expect(await shop.db.countOrders({ customer: order.customer })).toBe(2);
  },
);

it.each(Object.entries(kinds))("%s makes a second order of a click after success", async (_, kind) => {
  const page = new Page();
  const order = newOrder();
  show(page, kind(page), order);
  for (let click = 0; click < 2; click += 1) {
    act(() => page.click());
    await idle(page);
  }
  expect(new Set(page.ids).size).toBe(2);
});

it("a refusal that is stored is not what the next click gets", async () => {
  const page = new Page();
  const order = { ...newOrder(), item: "declined" };
  show(page, kinds.mutationOptions(page), order);
  for (let click = 0; click < 2; click += 1) {
    act(() => page.click());
    await idle(page);
  }
  expect(page.errors.length).toBe(2);
  expect(keys().size).toBe(2);
});

/** Clicks, double clicks and reloads on a page of its own, until the user sees an order. */
async function buy(customer: string, random: Dice): Promise<Intent> {
  const order = orderOf(customer);
  const ids = new Set<string>();
  shop.fatesOf.set(
    customer,
    badLuck(random).filter((fate) => fate !== "never answered" && fate !== "executed late"),
  );
  let page = new Page();
  let shown = show(page, kinds.useMutation(page), order);
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
      page = new Page();
      shown = show(page, kinds.useMutation(page), order);
    } else {
      await idle(page);
      for (const id of page.ids) ids.add(id);
    }
  }
  shown.unmount();
  return { customer, ids, isAnswered: true };
}

it("never makes two orders of one intent, nor gives one key to two intents, in random interleavings", async () => {
  await using own = await openShop();
  const before = shop;
  shop = own;
  try {
    const { rounds } = await playAll(own, "React", async (customer, random) => {
      const intents = [await buy(customer, random)];
      if (random.chance(0.3)) intents.push(await buy(customer, random));
      return intents;
    });
    expect(own.seen.length).toBeGreaterThan(rounds);
  } finally {
    shop = before;
  }
});
