import { describe, expect, test } from "vitest";
import { isIdempotencyError } from "../../src/core/contract/errors.ts";
import type { RunRequest } from "../../src/core/contract/idempotency.ts";
import { resolveOptions } from "../../src/core/contract/options.ts";
import { prepareRun } from "../../src/core/request/prepare.ts";

const request = { operation: "orders.place", key: "k", scope: "u" };
const prepare = (changes: Record<string, unknown>) =>
  prepareRun({ ...request, ...changes } as RunRequest, resolveOptions({ waitMs: 20 }));
const codeOf = async (changes: Record<string, unknown>) => {
  const error: unknown = await prepare(changes).catch((caught: unknown) => caught);
  return isIdempotencyError(error) ? error.code : error;
};

describe("prepareRun", () => {
  test.each([undefined, null, "", Number.NaN, true, {}, [], Symbol("s")])(
    "refuses the scope %o",
    async (scope) => {
      expect(await codeOf({ scope })).toBe("SCOPE_MISSING");
    },
  );

  test.each([0, -1, 7n, "0", " "])("takes the scope %o", async (scope) => {
    expect(await prepare({ scope })).toMatchObject({ scope: String(scope) });
  });

  test("takes a number and its text as the same scope", async () => {
    expect((await prepare({ scope: 7 })).id).toBe((await prepare({ scope: "7" })).id);
    expect((await prepare({ scope: 7 })).id).toBe((await prepare({ scope: 7n })).id);
  });

  test.each([undefined, null, "", 5, "o".repeat(256), {}])(
    "refuses the operation %o as misuse",
    async (operation) => {
      expect(await codeOf({ operation })).toBeInstanceOf(TypeError);
      await expect(prepare({ operation })).rejects.toThrow("1 to 255 characters");
    },
  );

  test.each([undefined, "", "k\n"])("refuses the key %o", async (key) => {
    expect(await codeOf({ key })).toBe("KEY_INVALID");
  });

  test("takes the options of the request before those of the library", async () => {
    expect((await prepare({ waitMs: 5 })).options.waitMs).toBe(5);
    expect((await prepare({})).options.waitMs).toBe(20);
    await expect(prepare({ waitMs: "5" })).rejects.toThrow("option waitMs");
  });

  test("counts the time to wait from the call", async () => {
    const before = performance.now();
    const { deadline } = await prepare({});
    expect(deadline - before).toBeGreaterThanOrEqual(20);
    expect(deadline - performance.now()).toBeLessThanOrEqual(20);
  });

  test("takes no input and undefined as the same, and nothing else", async () => {
    const fingerprints = await Promise.all(
      [{}, { input: undefined }, { input: null }, { input: {} }].map(
        async (input) => (await prepare(input)).fingerprint,
      ),
    );
    expect(fingerprints[0]).toBe(fingerprints[1]);
    expect(new Set(fingerprints).size).toBe(3);
  });

  test("refuses an input that cannot be compared as misuse, naming where it stands", async () => {
    await expect(prepare({ input: { a: [() => 1] } })).rejects.toThrow("input.a[0] is a function");
  });
});

test("an operation with a NUL, which PostgreSQL cannot store, is refused before any database work", async () => {
  const request = { operation: "a\0b", key: "k", scope: "u" };
  await expect(prepareRun(request, resolveOptions({}))).rejects.toThrow("characters without NUL");
});
