import { createTRPCClient, httpLink, retryLink, type TRPCLink } from "@trpc/client";
import { afterEach, expect, it, vi } from "vitest";
import { idempotencyHeaders, idempotencyLink, retryIdempotent } from "../../src/trpc/client/index.ts";
import type { AppRouter } from "./shop.ts";

afterEach(() => {
  vi.useRealTimers();
});

const ORDER = { customer: "ada", item: "lamp", quantity: 1 };

/** A client whose requests are all answered by `answer`. */
function clientOf(answer: () => Response, own: TRPCLink<AppRouter>[]) {
  const links = [
    ...own,
    httpLink({ url: "http://test/trpc", headers: idempotencyHeaders, fetch: async () => answer() }),
  ];
  return createTRPCClient<AppRouter>({ links });
}

const retrying = () => retryLink<AppRouter>(retryIdempotent({ backoffMs: 1, backoffMsMax: 1 }));
const setups: [string, () => TRPCLink<AppRouter>[], Record<string, unknown>][] = [
  ["key first", () => [idempotencyLink(), retrying()], {}],
  ["retry first", () => [retrying(), idempotencyLink()], {}],
  ["a key by context", () => [retrying()], { idempotencyKey: "mine" }],
];

it.each(setups)("a device that slept over a call does not repeat it: %s", async (_, links, context) => {
  let requests = 0;
  const client = clientOf(() => {
    requests += 1;
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 25 * 3_600_000 });
    throw new TypeError("fetch failed");
  }, links());
  await expect(client.place.mutate(ORDER, { context })).rejects.toThrow("fetch failed");
  expect(requests).toBe(1);
});

it.each(["2592000", "3600", "Fri, 31 Dec 9999 23:59:59 GMT"])(
  "Retry-After: %s is not waited for, and not taken for none",
  async (after) => {
    let requests = 0;
    const answer = () => {
      requests += 1;
      const error = { message: "slow down", code: -32029, data: { httpStatus: 429 } };
      return Response.json({ error }, { status: 429, headers: { "retry-after": after } });
    };
    const client = clientOf(answer, [idempotencyLink(), retrying()]);
    await expect(client.place.mutate(ORDER)).rejects.toThrow("slow down");
    await expect(client.hello.query()).rejects.toThrow("slow down");
    expect(requests).toBe(2);
  },
);

it.each([
  [{ maxAttempts: 3 }, "there is no option maxAttempts; give attemptsMax, totalMs, backoffMs, backoffMsMax."],
  [{ attemptsMax: 0 }, "option attemptsMax is of type number (0); give an integer from 1"],
  [3, "there is no option of type number; give attemptsMax"],
])("an option of the policy that cannot be used is named: %o", (options, message) => {
  const make = () => retryIdempotent(options as never);
  expect(make).toThrow(TypeError);
  expect(make).toThrow(message);
});
