// @vitest-environment happy-dom
import { act, cleanup, renderHook } from "@testing-library/react";
import { createElement, StrictMode } from "react";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type IntentKeyOptions, useIdempotencyKey } from "../../src/react/index.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/;
const CART = { cart: 17, items: [{ item: "lamp", quantity: 1 }] };

beforeEach(() => {
  sessionStorage.clear();
  localStorage.clear();
});
afterEach(cleanup);
afterEach(() => vi.unstubAllGlobals());

/** A page with the hook: a second one is a reload, or another tab. */
function open(initialProps: IntentKeyOptions) {
  return renderHook((props: IntentKeyOptions) => useIdempotencyKey(props), { initialProps });
}

/** An answer whose header tells its outcome, or nothing. */
const answer = (status: number, outcome?: string) =>
  new Response(null, { status, ...(outcome && { headers: { "idempotency-outcome": outcome } }) });
/** What an application makes of a refusal. */
const refused = (status: number, outcome?: string) =>
  Object.assign(new Error("refused"), { response: answer(status, outcome) });
const throwing = {
  getItem: () => raise(),
  setItem: () => raise(),
  removeItem: () => raise(),
};
function raise(): never {
  throw new DOMException("no space", "QuotaExceededError");
}

describe("a key", () => {
  it("is the same for every call and rendering of an intent", () => {
    const { result, rerender } = open({ intent: CART });
    const key = result.current.key();
    expect(key).toMatch(UUID);
    expect(result.current.key()).toBe(key);
    const before = result.current;
    rerender({ intent: { items: [{ quantity: 1, item: "lamp" }], cart: 17 } });
    expect(result.current).toBe(before);
    expect(result.current.key()).toBe(key);
  });

  it("is another for another intent, and the same again when the first comes back", () => {
    const { result, rerender } = open({ intent: CART });
    const key = result.current.key();
    rerender({ intent: { ...CART, cart: 18 } });
    expect(result.current.key()).not.toBe(key);
    rerender({ intent: CART });
    expect(result.current.key()).toBe(key);
  });

  it("belongs to the rendering that a handler was made in, not to the latest", () => {
    const { result, rerender } = open({ intent: "a" });
    const ofA = result.current;
    rerender({ intent: "b" });
    const key = ofA.key();
    expect(result.current.key()).not.toBe(key);
    rerender({ intent: "a" });
    expect(result.current.key()).toBe(key);
  });

  it("is new after success, also with the same intent", () => {
    const { result } = open({ intent: CART, storage: "sessionStorage" });
    const key = result.current.key();
    result.current.settle(key);
    const next = result.current.key();
    expect(next).not.toBe(key);
    // The late half of a double click.
    result.current.settle(key);
    expect(result.current.key()).toBe(next);
  });

  it.each([
    ["an error that is stored", refused(402, "stored")],
    ["one that any status may have", refused(503, "stored")],
    ["the key's refusal for this request", refused(422, "refused")],
    ["a response that is stored", answer(201, "stored")],
    ["a success of which nothing is told", answer(201)],
    ["no error", null],
  ])("is new after %s", (_, ending) => {
    const { result } = open({ intent: CART });
    const key = result.current.key();
    result.current.settle(key, ending);
    expect(result.current.key()).not.toBe(key);
  });

  it.each([
    ["an error of which nothing is told", refused(402)],
    ["an error that is released", refused(402, "released")],
    ["a success that is released", answer(202, "released")],
    ["a word that it does not know", refused(402, "stored-elsewhere")],
    ["a batch whose calls ended apart", refused(402, "stored, released")],
    ["a response of which nothing is told", answer(500)],
  ])("stays after %s", (_, ending) => {
    const { result } = open({ intent: CART });
    const key = result.current.key();
    result.current.settle(key, ending);
    expect(result.current.key()).toBe(key);
  });

  it("takes headers in whatever form a library gives them", () => {
    const headers = { "idempotency-outcome": "stored" };
    for (const ending of [
      { status: 402, headers },
      { response: { status: 402, headers } },
      { networkError: { response: answer(402, "stored") } },
      { meta: { response: answer(402, "stored, stored") } },
    ]) {
      const { result } = open({ intent: CART });
      const key = result.current.key();
      result.current.settle(key, ending);
      expect(result.current.key()).not.toBe(key);
    }
  });

  it("stays after a failure that tells nothing", () => {
    const { result } = open({ intent: CART });
    const key = result.current.key();
    for (const error of [new TypeError("fetch failed"), new Error("bug"), "text", {}, 0]) {
      result.current.settle(key, error);
    }
    expect(result.current.key()).toBe(key);
  });

  it("is settled after the intent has changed, by the rendering that is there", () => {
    const { result, rerender } = open({ intent: "a" });
    const key = result.current.key();
    rerender({ intent: "b" });
    const other = result.current.key();
    result.current.settle(key);
    expect(result.current.key()).toBe(other);
    rerender({ intent: "a" });
    expect(result.current.key()).not.toBe(key);
  });
});

describe("a storage", () => {
  it("keeps the key over a reload, until it is settled", () => {
    const storage = "sessionStorage" as const;
    const key = open({ intent: CART, storage }).result.current.key();
    const reloaded = open({ intent: CART, storage }).result;
    expect(reloaded.current.key()).toBe(key);
    reloaded.current.settle(key);
    expect(sessionStorage.length).toBe(0);
    expect(open({ intent: CART, storage }).result.current.key()).not.toBe(key);
  });

  it("is not asked while rendering, and nothing is left by intents that were never sent", () => {
    const { rerender } = open({ intent: "l", storage: "sessionStorage" });
    for (const intent of ["la", "lam", "lamp"]) rerender({ intent, storage: "sessionStorage" });
    expect(sessionStorage.length).toBe(0);
    expect(() => open({ intent: CART, storage: throwing })).not.toThrow();
  });

  it("that throws is done without", () => {
    const { result, rerender } = open({ intent: CART, storage: throwing });
    const key = result.current.key();
    rerender({ intent: { ...CART }, storage: throwing });
    expect(result.current.key()).toBe(key);
    result.current.settle(key);
    expect(result.current.key()).not.toBe(key);
  });

  it("that cannot even be looked up is done without", () => {
    const own = Object.getOwnPropertyDescriptor(globalThis, "sessionStorage");
    Object.defineProperty(globalThis, "sessionStorage", { configurable: true, get: raise });
    try {
      const { result } = open({ intent: CART, storage: "sessionStorage" });
      expect(result.current.key()).toBe(result.current.key());
    } finally {
      Object.defineProperty(globalThis, "sessionStorage", own as PropertyDescriptor);
    }
  });

  it("that forgets does not change the key that this page has sent", () => {
    const { result } = open({ intent: CART, storage: "localStorage" });
    const key = result.current.key();
    localStorage.clear();
    expect(result.current.key()).toBe(key);
  });

  it("shared by two tabs gives both one key", () => {
    const [one, two] = [1, 2].map(() => open({ intent: CART, storage: "localStorage" }).result);
    const key = one?.current.key() ?? "";
    expect(two?.current.key()).toBe(key);
    one?.current.settle(key);
    // The other tab does not know yet how its own request ended.
    expect(two?.current.key()).toBe(key);
  });

  it("keeps the key of another tab's next intent, when this one asks for the first again", () => {
    const [one, two] = [1, 2].map(() => open({ intent: CART, storage: "localStorage" }).result.current);
    const first = one?.key() ?? "";
    one?.settle(first, refused(503, "released"));
    two?.settle(two.key());
    const second = two?.key();
    // It is answered as the second tab was.
    expect(one?.key()).toBe(first);
    one?.settle(first);
    expect(open({ intent: CART, storage: "localStorage" }).result.current.key()).toBe(second);
  });

  it("holds nothing that is no key", () => {
    sessionStorage.setItem('onceonly:"a"', "");
    expect(open({ intent: "a", storage: "sessionStorage" }).result.current.key()).toMatch(UUID);
  });
});

describe("once", () => {
  const once = { intent: "cart-17", once: true };

  it("gives every tab and device the same key, before and after success", () => {
    const [one, two] = [1, 2].map(() => open(once).result);
    const key = one?.current.key() ?? "";
    expect(key).toBe("cart-17.0");
    one?.current.settle(key);
    expect(one?.current.key()).toBe(key);
    expect(two?.current.key()).toBe(key);
  });

  it("gives a new key after a refusal, once, however often that is told", () => {
    const { result } = open({ ...once, storage: "sessionStorage" });
    result.current.settle("cart-17.0", refused(402, "stored"));
    result.current.settle("cart-17.0", refused(402, "stored"));
    result.current.settle("cart-17.1", refused(503, "released"));
    expect(result.current.key()).toBe("cart-17.1");
    expect(open({ ...once, storage: "sessionStorage" }).result.current.key()).toBe("cart-17.1");
  });

  it.each([
    ["a refusal of which nothing is told", refused(402)],
    ["a refusal that is released", refused(402, "released")],
    ["a key that was used with another input", refused(422, "refused")],
    ["a success", answer(201, "stored")],
    ["a result of GraphQL", { data: { pay: 1 }, extensions: { idempotency: { outcome: "stored" } } }],
  ])("keeps its key after %s", (_, ending) => {
    const { result } = open(once);
    result.current.settle("cart-17.0", ending);
    expect(result.current.key()).toBe("cart-17.0");
  });

  it("keeps its key when a part of a mutation was made, and counts a refusal of the whole", () => {
    const { result } = open(once);
    const inBand = (outcome: string) => ({ idempotency: { outcome } });
    const nested = [{ path: ["pay", "note"], extensions: { code: "NO" } }];
    const whole = [{ path: ["pay"], extensions: { code: "NO" } }];
    const response = answer(200, "stored");
    for (const ending of [
      {
        response: {
          status: 200,
          data: { pay: { id: 1, note: null } },
          errors: nested,
          extensions: inBand("stored"),
        },
      },
      { errors: nested, data: { pay: { id: 1, note: null } }, extensions: inBand("stored") },
      { graphQLErrors: nested, response },
      { errors: whole, data: { pay: null }, extensions: inBand("released") },
    ]) {
      result.current.settle("cart-17.0", ending);
      expect(result.current.key()).toBe("cart-17.0");
    }
    const refusals = [
      { response: { status: 200, data: { pay: null }, errors: whole, extensions: inBand("stored") } },
      { errors: whole, data: null, extensions: inBand("stored") },
      { graphQLErrors: whole, response },
    ];
    for (const [count, ending] of refusals.entries()) {
      result.current.settle(`cart-17.${count}`, ending);
      expect(result.current.key()).toBe(`cart-17.${count + 1}`);
    }
  });

  it("leads a tab that has missed a refusal to the key of the others", () => {
    const { result } = open({ ...once, storage: throwing });
    const told: string[] = [];
    for (let click = 0; click < 2; click += 1) {
      const key = result.current.key();
      told.push(key);
      // The stored refusal first, then the stored success.
      result.current.settle(key, key === "cart-17.0" ? refused(402, "stored") : undefined);
    }
    expect(told).toEqual(["cart-17.0", "cart-17.1"]);
    expect(result.current.key()).toBe("cart-17.1");
  });

  it.each([[CART], [Number.NaN], [""], ["ä"], ["a".repeat(241)], [undefined]])(
    "needs an id: %o",
    (intent) => {
      expect(() => open({ intent, once: true })).toThrow(/option intent .* id of 1 to 240/);
    },
  );
});

describe("React", () => {
  it("may render twice, as StrictMode does", () => {
    const { result } = renderHook(() => useIdempotencyKey({ intent: CART, storage: "sessionStorage" }), {
      wrapper: StrictMode,
    });
    const key = result.current.key();
    expect(result.current.key()).toBe(key);
    expect(sessionStorage.length).toBe(1);
  });

  it("may render on a server, with any copy of React, where nothing is made, stored or shared", () => {
    vi.stubGlobal("window", undefined);
    // No React renders here, as none of this copy does where Next.js renders with its own.
    const { key, settle } = useIdempotencyKey({ intent: CART, storage: "sessionStorage" });
    const remedy = "was called on a server, where there is no window; call it in an event handler";
    expect(() => key()).toThrow(`key() of useIdempotencyKey ${remedy}`);
    expect(() => settle("k")).toThrow(`settle() of useIdempotencyKey ${remedy}`);
    const Page = () => {
      useIdempotencyKey({ intent: CART, storage: "sessionStorage" });
      return createElement("p", null, "pay");
    };
    expect(renderToString(createElement(Page))).toBe("<p>pay</p>");
    expect(sessionStorage.length).toBe(0);
  });

  it("need not render again for a new key", () => {
    let renderings = 0;
    const { result } = renderHook(() => {
      renderings += 1;
      return useIdempotencyKey({ intent: CART });
    });
    act(() => result.current.settle(result.current.key()));
    expect(renderings).toBe(1);
  });
});

describe("an intent that JSON would lose", () => {
  it.each([
    [undefined, "option intent is of type undefined"],
    [() => 1, "option intent is of type function"],
    [{ total: 5n }, "option intent is of type bigint"],
    [{ items: new Map() }, "an instance of Map"],
    [new File([], "a"), "an instance of File"],
  ])("is refused: %o", (intent, message) => {
    expect(() => open({ intent })).toThrow(message);
  });

  it("is not a date", () => {
    const [one, two] = [1, 2].map((day) => open({ intent: { on: new Date(2026, 1, day) } }).result);
    expect(one?.current.key()).not.toBe(two?.current.key());
  });
});

it.each([
  [{ intent: "a", onec: true }, "there is no option onec; give intent, storage, once."],
  [
    { intent: "a", storage: "session" },
    'option storage is of type string ("session"); give "sessionStorage" or',
  ],
  ["a", "there is no option of type string; give intent"],
])("an option of the hook that cannot be used is named: %j", (options, message) => {
  const render = () => renderHook(() => useIdempotencyKey(options as never));
  expect(render).toThrow(TypeError);
  expect(render).toThrow(message);
});
