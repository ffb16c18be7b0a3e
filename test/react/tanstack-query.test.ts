// oxlint-disable-next-line import/no-unassigned-import -- React looks for a document while it is loaded
import "./dom.ts";
import { QueryClient, QueryClientProvider, useMutation } from "@tanstack/react-query";
import { act, cleanup } from "@testing-library/react";
import { createTRPCClient, httpLink, type TRPCClient } from "@trpc/client";
import { createTRPCOptionsProxy } from "@trpc/tanstack-react-query";
import { createElement, type ReactNode } from "react";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { isRetryable } from "../../src/client/index.ts";
import { useIdempotencyKey } from "../../src/react/index.ts";
import {
  idempotencyHeaders,
  idempotencyKeyOf,
  idempotencyLink,
  withIdempotencyKey,
} from "../../src/trpc/client/index.ts";
import { orderOf, playAll } from "../client/interleavings.ts";
import { type AppRouter, type Order, openShop, type Shop } from "../client/shop.ts";
import { buyOnceOrTwice, type Checkout, idle, Page, place, show } from "./page.ts";

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

interface Props {
  page: Page;
  order: Order;
}

/** Plain `useMutation`: order and key travel together, as its variables. */
function QueryCheckout({ page, order }: Props): ReactNode {
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

interface TrpcClients {
  client: TRPCClient<AppRouter>;
  queryClient: QueryClient;
}

/** `mutationOptions` of tRPC: its variables are the input, so the key travels with that. */
function TrpcCheckout({ page, order, client, queryClient }: Props & TrpcClients): ReactNode {
  const trpc = createTRPCOptionsProxy<AppRouter>({ client, queryClient });
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

const provided = (client: QueryClient, child: ReactNode) =>
  createElement(QueryClientProvider, { client }, child);

const kinds = {
  useMutation: (page) => {
    const queryClient = new QueryClient();
    return (order) => provided(queryClient, createElement(QueryCheckout, { page, order }));
  },
  mutationOptions: (page) => {
    const [client, queryClient] = [trpcClient(), new QueryClient()];
    return (order) =>
      provided(queryClient, createElement(TrpcCheckout, { page, order, client, queryClient }));
  },
} satisfies Record<string, Checkout>;

const keys = () => new Set(shop.seen.map(({ key }) => key));
let customers = 0;
const newOrder = () => orderOf(`react-${(customers += 1)}`);

it.each(Object.entries(kinds))("%s keeps its key over TanStack Query's retries", async (_, kind) => {
  const page = new Page(shop);
  const order = newOrder();
  show(page, kind, order);
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
    const page = new Page(shop);
    const order = newOrder();
    show(page, kind, order);
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
    const page = new Page(shop);
    const order = newOrder();
    const { edit } = show(page, kind, order);
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
  const page = new Page(shop);
  const order = newOrder();
  show(page, kind, order);
  for (let click = 0; click < 2; click += 1) {
    act(() => page.click());
    await idle(page);
  }
  expect(new Set(page.ids).size).toBe(2);
});

it("a refusal that is stored is not what the next click gets", async () => {
  const page = new Page(shop);
  const order = { ...newOrder(), item: "declined" };
  show(page, kinds.mutationOptions, order);
  for (let click = 0; click < 2; click += 1) {
    act(() => page.click());
    await idle(page);
  }
  expect(page.errors.length).toBe(2);
  expect(keys().size).toBe(2);
});

it("never makes two orders of one intent, nor gives one key to two intents, in random interleavings", async () => {
  await using own = await openShop();
  const { rounds } = await playAll(own, "React", (customer, random) =>
    buyOnceOrTwice(own, kinds.useMutation, customer, random),
  );
  expect(own.seen.length).toBeGreaterThan(rounds);
});
