/** Keys as they are made, sent and pasted, and when a server asks to come back. */
import { describe, expect, test, vi } from "vitest";
import { fullJitter, halfJitter } from "../../src/core/browser/jitter.ts";
import { pastedKey, quotedKey } from "../../src/core/browser/key-header.ts";
import { createIdempotencyKey } from "../../src/core/browser/new-key.ts";
import { isRetryableAnswer, retryAfterMs } from "../../src/core/browser/retryable.ts";

describe("a key", () => {
  test.each([
    ["abc", '"abc"'],
    [String.raw`a"b\c`, String.raw`"a\"b\\c"`],
    ["x".repeat(255), `"${"x".repeat(255)}"`],
  ])("%# is sent in quotes, and read from them", (key, quoted) => {
    expect(quotedKey(key)).toBe(quoted);
    expect(pastedKey(`  ${quoted}\n`)).toBe(key);
  });

  test.each([
    ["a", "a"],
    [" a ", "a"],
    ['"', '"'],
    ['""', '""'],
    ['"a', '"a'],
    ['a"', 'a"'],
    ['x"a"', 'x"a"'],
    ['"a"b"', '"a"b"'],
    ['"a"x', '"a"x'],
    [String.raw`"a\b"`, String.raw`"a\b"`],
  ])("%# is pasted as it is, where it is not in quotes", (text, key) => {
    expect(pastedKey(text)).toBe(key);
  });

  test.each([
    ["", "string"],
    ["x".repeat(256), "string"],
    ["é", "string"],
    ["a\n", "string"],
    ["\na", "string"],
    [undefined, "undefined"],
    [7, "number"],
  ])("%# is not sent", (key, type) => {
    expect(() => quotedKey(key)).toThrow(
      new TypeError(
        `onceonly: the idempotency key is of type ${type}; give 1 to 255 printable ASCII characters.`,
      ),
    );
  });

  test("that is made is a UUID of version 4, of random digits", () => {
    const keys = Array.from({ length: 200 }, () => createIdempotencyKey());
    expect(new Set(keys).size).toBe(200);
    for (const key of keys) {
      expect(key).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-8[\da-f]{3}-[\da-f]{12}$/);
    }
    expect(new Set(keys.join("").replaceAll("-", "")).size).toBe(16);
  });
});

describe("a pause", () => {
  test("until a server wants to be asked again is given in seconds, or by a date", () => {
    expect(retryAfterMs("7")).toBe(7_000);
    const now = vi.spyOn(Date, "now").mockReturnValue(Date.UTC(2026, 10, 30));
    expect(retryAfterMs("Mon, 30 Nov 2026 00:00:10 GMT")).toBe(10_000);
    now.mockRestore();
    for (const none of [null, undefined, "", "soon", "7s", "-7", new Date(0).toUTCString()]) {
      expect(retryAfterMs(none)).toBe(0);
    }
    // Dates that begin or end in digits are no number of seconds.
    expect(retryAfterMs("2099-01-01T00:00:00Z")).toBeGreaterThan(10 ** 9);
    expect(retryAfterMs("Thu, 01 Jan 2099 00:00:07")).toBeGreaterThan(10 ** 9);
  });

  test.each([
    [0, 0, 50],
    [1, 0, 50],
  ])("%# is random, up to its bound", (random, half, whole) => {
    const spy = vi.spyOn(Math, "random").mockReturnValue(random);
    expect([0, 1, 2, 9].map((attempt) => fullJitter(attempt, 50, 1_000))).toEqual(
      [50, 100, 200, 1_000].map((bound) => bound * random + half),
    );
    expect(halfJitter(2 * whole)).toBe(random === 0 ? whole : 2 * whole);
    spy.mockRestore();
  });
});

test("a 409 is repeated only with our words, other statuses by themselves", () => {
  const ours = "The idempotency key is being used by another request";
  expect([408, 425, 429, 502, 503, 504].map((status) => isRetryableAnswer(status, ""))).not.toContain(false);
  expect(
    [400, 409, 422, 423, 500, 501, 505, 1_503, 5_030].map((status) => isRetryableAnswer(status, "")),
  ).not.toContain(true);
  expect(isRetryableAnswer(409, ours)).toBe(true);
  expect(isRetryableAnswer(422, ours)).toBe(false);
});
