import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import {
  createIdempotencyKey,
  type IdempotentFetchOptions,
  idempotencyKeyHeader,
  idempotentFetch,
} from "../../src/client/index.ts";
import { FAILURES, type Fate, openShop, problem, type Shop } from "./shop.ts";

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop[Symbol.asyncDispose]());
beforeEach(() => {
  for (const list of [shop.fates, shop.seen, shop.instead]) list.length = 0;
});

const QUICK = { attemptMs: 1_000, backoffMs: 1, backoffMsMax: 2 };
let customers = 0;

function order(customer = `fetch-${(customers += 1)}`) {
  return { customer, item: "lamp", quantity: 1 };
}

function post(body: unknown, init: RequestInit = {}): RequestInit {
  return { method: "POST", body: JSON.stringify(body), ...init };
}

const orders = () => `${shop.url}/orders`;
const place = (options: IdempotentFetchOptions = {}) => idempotentFetch({ ...QUICK, ...options });
const answers = (...all: (() => Response)[]) => shop.instead.push(...all);
const keys = () => shop.seen.map(({ key }) => key);

describe("a key", () => {
  it("is a UUID of version 4, new each time", () => {
    const made = new Set(Array.from({ length: 1_000 }, createIdempotencyKey));
    expect(made.size).toBe(1_000);
    for (const key of made) {
      expect(key).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
  });

  it("stands in the header as a string of RFC 8941", () => {
    expect(idempotencyKeyHeader('a"b\\c')).toEqual({ "Idempotency-Key": '"a\\"b\\\\c"' });
    for (const wrong of ["", "ä", "a".repeat(256), 7, undefined]) {
      expect(() => idempotencyKeyHeader(wrong as string)).toThrow(/idempotency key is of type .*1 to 255/);
    }
  });

  it("is given to POST and PATCH, and to nothing else", async () => {
    for (const method of ["POST", "PATCH", "post", "PUT", "DELETE"]) {
      await place()(`${shop.url}/nowhere`, { method });
    }
    await place()(`${shop.url}/nowhere`);
    expect(keys().map((key) => key !== undefined)).toEqual([true, true, true, false, false, false]);
  });

  it("is given where shouldKey says so", async () => {
    const fetch = place({ shouldKey: ({ method, url }) => method === "PUT" && url.endsWith("/orders") });
    await fetch(new URL(orders()), { method: "PUT", body: "{}" });
    await fetch(new Request(orders(), { method: "PUT", body: "{}" }));
    await fetch(`${shop.url}/other`, { method: "PUT", body: "{}" });
    await fetch(orders(), post(order()));
    expect(keys().map((key) => key !== undefined)).toEqual([true, true, false, false]);
  });

  it("that the request has is kept, over all attempts", async () => {
    shop.fates.push("503", "response lost");
    const headers = { ...idempotencyKeyHeader("mine"), "x-other": "1" };
    const response = await place()(orders(), post(order(), { headers }));
    expect(response.status).toBe(201);
    expect(keys().length).toBeGreaterThan(2);
    expect(new Set(keys())).toEqual(new Set(['"mine"']));
  });

  it.each<[string, string | undefined, boolean]>([
    ["without a page", undefined, true],
    ["from a page of the same origin", "/cart", true],
    [
      "from a page of another origin, which may not allow the header",
      "https://elsewhere.example/cart",
      false,
    ],
  ])("is marked as a repetition in retries %s", async (_where, page, isMarked) => {
    vi.stubGlobal("location", page === undefined ? undefined : new URL(page, shop.url));
    try {
      shop.fates.push("503", "response lost");
      expect((await place()(orders(), post(order()))).status).toBe(201);
    } finally {
      vi.unstubAllGlobals();
    }
    const [first, ...retries] = shop.seen.map(({ isRetry }) => isRetry);
    expect([first, new Set(retries)]).toEqual([false, new Set([isMarked])]);
  });

  it("is another for the next call", async () => {
    await place()(orders(), post(order()));
    await place()(orders(), post(order()));
    expect(new Set(keys()).size).toBe(2);
  });
});

describe("a keyed request", () => {
  it.each(FAILURES)("gives one order and its answer after: %s", async (fate: Fate) => {
    shop.fates.push(fate, fate);
    const mine = order();
    const response = await place()(orders(), post(mine));
    const { id } = (await response.json()) as { id: string };
    await shop.idle();
    expect(response.status).toBe(201);
    expect(new Set(keys()).size).toBe(1);
    expect(await shop.db.countOrders({ customer: mine.customer, id })).toBe(1);
    expect(await shop.db.countOrders({ customer: mine.customer })).toBe(1);
  });

  it.each([408, 425, 429, 502, 503, 504])("is repeated after %i", async (status) => {
    answers(() => new Response("wait", { status }));
    expect((await place()(orders(), post(order()))).status).toBe(201);
    expect(shop.seen.length).toBe(2);
  });

  it.each([200, 302, 400, 401, 403, 404, 409, 410, 412, 422, 500, 501])(
    "is not repeated after %i",
    async (status) => {
      answers(() => new Response("no", { status }));
      expect((await place()(orders(), post(order()))).status).toBe(status);
      expect(shop.seen.length).toBe(1);
    },
  );

  it("is not repeated for a key that is free alone", async () => {
    const headers = { "idempotency-outcome": "released" };
    answers(() => new Response("no", { status: 500, headers }));
    expect((await place()(orders(), post(order()))).status).toBe(500);
    expect(shop.seen.length).toBe(1);
  });

  it.each(["IN_PROGRESS", "LEASE_LOST"])("is repeated after a 409 that is %s", async (code) => {
    answers(() => problem(code, "later"));
    expect((await place()(orders(), post(order()))).status).toBe(201);
  });

  it("is not repeated after a reused key, whose problem document arrives", async () => {
    const headers = idempotencyKeyHeader("reused");
    await place()(orders(), post(order(), { headers }));
    const response = await place()(orders(), post(order(), { headers }));
    expect(shop.seen.length).toBe(2);
    expect(response.status).toBe(422);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toMatchObject({
      type: "urn:onceonly:problem:key-reused",
      code: "KEY_REUSED",
      detail: expect.stringContaining("another input"),
    });
  });

  it("is repeated with a Request, an URL and a body of every kind that can be read again", async () => {
    const mine = order();
    const text = JSON.stringify(mine);
    const bodies = [text, new Blob([text]), new TextEncoder().encode(text), new URLSearchParams({ a: "1" })];
    const headers = { "content-type": "application/json" };
    for (const body of bodies) {
      shop.fates.push("503");
      await place()(new URL(orders()), { method: "POST", body, headers });
      shop.fates.push("503", "response lost");
      await place()(new Request(orders(), { method: "POST", body, headers }), {
        headers: { ...headers, ...idempotencyKeyHeader("request") },
      });
    }
    expect(shop.seen.length).toBe(5 * bodies.length);
    expect(shop.seen.at(-1)?.key).toBe('"request"');
    const form = new FormData();
    form.set("file", new Blob(["text"]), "name");
    answers(
      () => new Response(null, { status: 503 }),
      () => new Response("ok"),
    );
    expect((await place()(orders(), { method: "POST", body: form })).status).toBe(200);
  });

  it("is repeated as it was, whatever becomes of the init and the URL it was called with", async () => {
    shop.fates.push("request lost", "request lost");
    const [first, second] = [order(), order()];
    const url = new URL(orders());
    const init = post(first);
    const given = place({ backoffMs: 20 })(url, init);
    url.pathname = "/elsewhere";
    init.body = JSON.stringify(second);
    init.method = "PUT";
    expect((await given).status).toBe(201);
    expect(new Set(keys()).size).toBe(1);
    expect(await shop.db.countOrders({ customer: first.customer })).toBe(1);
    expect(await shop.db.countOrders({ customer: second.customer })).toBe(0);
  });

  it("may have a Request as its init", async () => {
    shop.fates.push("503");
    const mine = order();
    const headers = idempotencyKeyHeader(mine.customer);
    const response = await place()(orders(), new Request("http://test/", post(mine, { headers })));
    expect(response.status).toBe(201);
    expect(shop.seen.map(({ method, key }) => [method, key])).toEqual([
      ["POST", `"${mine.customer}"`],
      ["POST", `"${mine.customer}"`],
    ]);
  });

  it.each(['"a", ?0', "?0, a", "a,?0,b"])(
    "is sent once when a call of its batch has no key: %s",
    async (key) => {
      answers(() => new Response(null, { status: 503 }));
      const headers = { "Idempotency-Key": key };
      expect((await place()(orders(), post(order(), { headers }))).status).toBe(503);
      expect(shop.seen.length).toBe(1);
    },
  );

  it("is sent once when its body is a stream, as that cannot be sent again", async () => {
    shop.fates.push("503");
    const body = new Blob([JSON.stringify(order())]).stream();
    const init = { method: "POST", body, duplex: "half" } as RequestInit;
    expect((await place()(orders(), init)).status).toBe(503);
    expect(shop.seen.length).toBe(1);
    expect(shop.seen[0]?.key).toMatch(/^".{36}"$/);
    shop.fates.push("response lost");
    const again = new Blob([JSON.stringify(order())]).stream();
    await expect(place()(orders(), { ...init, body: again })).rejects.toThrow("fetch failed");
  });

  it("is given up after attemptsMax, with the last answer or error", async () => {
    shop.fates.push("response lost", "503", "503");
    expect((await place({ attemptsMax: 2 })(orders(), post(order()))).status).toBe(503);
    shop.fates.splice(0, 1, "response lost");
    await expect(place({ attemptsMax: 1 })(orders(), post(order()))).rejects.toThrow(TypeError);
    expect(shop.seen.length).toBe(3);
  });

  it("is given up after attemptMs without an answer, as a TimeoutError", async () => {
    shop.fates.push("never answered", "never answered");
    const given = place({ attemptsMax: 2, attemptMs: 50 })(orders(), post(order()));
    await expect(given).rejects.toMatchObject({ name: "TimeoutError" });
    expect(shop.seen.length).toBe(2);
  });

  it("ends within totalMs, pauses and attempts together", async () => {
    shop.fates.push("503", ...Array.from({ length: 50 }, () => "never answered" as const));
    const fetch = place({ attemptsMax: 50, attemptMs: 90, totalMs: 200 });
    const given = fetch(orders(), post(order())).catch((error: unknown) => error);
    // All attempts would take longer. A timer of this process is as late as its others.
    const later = new Promise((resolve) => setTimeout(() => resolve("later"), 2_000));
    expect(await Promise.race([given, later])).toMatchObject({ name: "TimeoutError" });
    expect(shop.seen.length).toBeLessThan(6);
  });
});

describe("a pause", () => {
  const limited = (after: string) => () =>
    new Response("slow down", { status: 429, headers: { "retry-after": after } });

  it("is as long as Retry-After says in seconds, at least", async () => {
    answers(limited("1"));
    const begin = performance.now();
    expect((await place()(orders(), post(order()))).status).toBe(201);
    expect(performance.now() - begin).toBeGreaterThanOrEqual(999);
  });

  it("lasts until the date of Retry-After", async () => {
    const date = new Date(Math.ceil(Date.now() / 1_000 + 1) * 1_000);
    answers(limited(date.toUTCString()));
    expect((await place()(orders(), post(order()))).status).toBe(201);
    expect(Date.now()).toBeGreaterThanOrEqual(date.getTime());
  });

  it("is not begun when it would end after totalMs: the answer is given out", async () => {
    answers(limited("3600"));
    expect((await place()(orders(), post(order()))).status).toBe(429);
  });

  it("needs no Retry-After that can be read", async () => {
    answers(limited("soon"), limited("-5"), limited("Wed, 21 Oct 2015 07:28:00 GMT"));
    expect((await place()(orders(), post(order()))).status).toBe(201);
  });

  it("that a sleeping device made longer than totalMs is not followed by an attempt", async () => {
    const fetch = place({
      backoffMs: 50,
      backoffMsMax: 50,
      fetch: async (...call) => {
        const response = await globalThis.fetch(...call);
        setTimeout(() => vi.setSystemTime(Date.now() + 25 * 3_600_000), 0);
        return response;
      },
    });
    vi.useFakeTimers({ toFake: ["Date"] });
    vi.spyOn(Math, "random").mockReturnValue(0.99);
    try {
      shop.fates.push("504 after all");
      expect((await fetch(orders(), post(order()))).status).toBe(504);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(shop.seen.length).toBe(1);
    } finally {
      vi.useRealTimers();
      vi.restoreAllMocks();
    }
  });

  it("grows, is random, and has a bound", async () => {
    const bounds = { backoffMs: 40, backoffMsMax: 70, attemptsMax: 4 };
    const timers = vi.spyOn(globalThis, "setTimeout");
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    try {
      answers(...Array.from({ length: 4 }, () => () => new Response(null, { status: 503 })));
      await place(bounds)(orders(), post(order()));
      const pauses = timers.mock.calls.map(([, ms]) => ms).filter((ms) => [20, 40, 35, 80].includes(ms ?? 0));
      // Half of 40, of 80 that are 70 at most, and of 160 that are.
      expect(pauses).toEqual([20, 35, 35]);
    } finally {
      vi.restoreAllMocks();
    }
  });
});

describe("an abort", () => {
  it("ends a pause at once, with its reason", async () => {
    const controller = new AbortController();
    answers(() => {
      setTimeout(() => controller.abort(new Error("left the page")), 5);
      return new Response(null, { status: 503, headers: { "retry-after": "30" } });
    });
    const given = place()(orders(), post(order(), { signal: controller.signal }));
    await expect(given).rejects.toThrow("left the page");
    expect(shop.seen.length).toBe(1);
  });

  it("ends an attempt, which is not repeated", async () => {
    const controller = new AbortController();
    shop.fates.push("never answered");
    const input = new Request(orders(), { ...post(order()), signal: controller.signal });
    const given = place({ attemptMs: 120_000 })(input);
    const abort = async () => {
      await expect.poll(() => shop.seen.length).toBe(1);
      controller.abort();
    };
    const aborted = abort();
    await expect(given).rejects.toMatchObject({ name: "AbortError" });
    await aborted;
    expect(shop.seen.length).toBe(1);
  });

  it("before the call lets nothing be sent", async () => {
    const given = place()(orders(), post(order(), { signal: AbortSignal.abort() }));
    await expect(given).rejects.toMatchObject({ name: "AbortError" });
    expect(shop.seen.length).toBe(0);
  });
});

describe("a request without a key", () => {
  it.each(["GET", "PUT", "DELETE"])("is never repeated: %s", async (method) => {
    answers(() => new Response(null, { status: 503 }));
    expect((await place()(orders(), { method })).status).toBe(503);
    shop.fates.push("response lost");
    await expect(place()(orders(), { method })).rejects.toThrow(TypeError);
    expect(shop.seen.length).toBe(2);
  });

  it("is handed on as it is", async () => {
    const calls: unknown[][] = [];
    const fetch = place({
      fetch: async (...call) => {
        calls.push(call);
        return new Response("ok");
      },
    });
    const init = { headers: { a: "1" } };
    await fetch("http://test/", init);
    expect(calls).toEqual([["http://test/", init]]);
    expect(calls[0]?.[1]).toBe(init);
  });

  it("may have a Request as its init", async () => {
    const init = new Request("http://test/", { method: "PUT", body: "text" });
    await place()(orders(), init);
    expect(shop.seen.map(({ method, key }) => [method, key])).toEqual([["PUT", undefined]]);
  });
});

describe("an answer", () => {
  it("that the server still writes is given out as it comes", async () => {
    let finish = () => {};
    const events = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("data: 1\n\n"));
        finish = () => controller.close();
      },
    });
    const fetch = place({
      fetch: async () => new Response(events, { headers: { "content-type": "text/event-stream" } }),
    });
    const response = await fetch("http://test/", { method: "POST" });
    const first = await response.body?.getReader().read();
    expect(new TextDecoder().decode(first?.value as Uint8Array)).toBe("data: 1\n\n");
    finish();
  });

  it("is the one of the server itself, with its address", async () => {
    const response = await place()(orders(), post(order()));
    expect(response.url).toBe(orders());
    expect(response.bodyUsed).toBe(false);
  });
});

describe("an option that cannot be used", () => {
  it.each([
    [{ attemptsMax: 0 }, "option attemptsMax is of type number (0); give an integer from 1"],
    [{ totalMs: "1s" }, 'option totalMs is of type string ("1s")'],
    [{ backoffMs: Number.NaN }, "option backoffMs is of type number"],
    [{ fetch: "fetch" }, "option fetch is of type string"],
    [{ shouldKey: true }, "option shouldKey is of type boolean"],
    [{ retries: 3 }, "there is no option retries; give fetch, shouldKey, attemptsMax, attemptMs"],
    [globalThis.fetch, "there is no option of type function; give fetch, shouldKey"],
    [3, "there is no option of type number"],
  ])("is named: %o", (options, message) => {
    const make = () => idempotentFetch(options as never);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });

  it("may be undefined, which is absent, also where it does not exist", () => {
    expect(idempotentFetch({ attemptsMax: undefined, retries: undefined } as never)).toBeTypeOf("function");
  });
});
