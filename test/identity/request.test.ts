import { describe, expect, test, vi } from "vitest";
import { isIdempotencyError } from "../../src/core/contract/errors/errors.ts";
import type { RunRequest } from "../../src/core/contract/idempotency.ts";
import { resolveOptions } from "../../src/core/contract/options/options.ts";
import { prepareRun } from "../../src/core/request/prepare.ts";
import { warningsDuring } from "../support/runs.ts";

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

  test("refuses a scope with NUL, which PostgreSQL could not store", async () => {
    expect(await codeOf({ scope: "a\0b" })).toBe("SCOPE_MISSING");
    await expect(prepare({ scope: "a\0b" })).rejects.toThrow("a string with NUL");
  });

  /** In a module that is loaded anew, as other tests may have had the first warning. */
  async function warningsOf(scopes: readonly string[]): Promise<Error[]> {
    return warningsDuring(async () => {
      vi.resetModules();
      const { prepareRun: fresh } = await import("../../src/core/request/prepare.ts");
      for (const scope of scopes) {
        expect(await fresh({ ...request, scope }, resolveOptions({}))).toMatchObject({ scope });
      }
    });
  }

  test.each([
    [" "],
    ["0"],
    ["undefined"],
    ["null"],
    ["acme:undefined", "...:undefined"],
    ["null:ada", "null:..."],
    ["acme:undefined:ada", "...:undefined:..."],
    ["acme|null", "...|null"],
    ["acme/undefined", ".../undefined"],
    ["acme:", "...:"],
    [":ada", ":..."],
    [":"],
    ["acme|", "...|"],
    ['["acme",null]', '["...",null]'],
    ['["acme",""]', '["...",""]'],
    ['["undefined","ada"]', '["undefined","..."]'],
  ])(
    "warns once of the scope %j, which a template makes of a missing id, and names no other id",
    async (scope, shown = scope) => {
      expect(await warningsOf([scope, scope, scope])).toMatchObject([
        { code: "ONCEONLY_SCOPE", message: expect.stringContaining(`is ${JSON.stringify(shown)}, which`) },
      ]);
    },
  );

  test("warns once of a template, however many tenants there are", async () => {
    expect(await warningsOf(["acme:undefined", "globex:undefined", "initech:undefined"])).toHaveLength(1);
  });

  test("does not warn of an honest id that has a separator or one of these words in it", async () => {
    const honest = [
      "acme:ada",
      "google-oauth2|118",
      "acct:ada@example.com",
      "https://shop.example/",
      "/tenants/acme/",
      "2001:db8::1",
      "::1",
      "fe80::",
      "arn:aws:iam::123456789012:user/ada",
      "urn:place:null-island",
      "acme:nullius",
      "acme:0",
      "00",
      "10",
      "undefined behaviour",
      '["acme","ada"]',
      "[acme]:ada",
      "[",
      "AT&T: the shop",
    ];
    expect(await warningsOf(honest)).toEqual([]);
  });

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

  test("refuses an input that cannot be compared, naming why and where", async () => {
    const nested = JSON.parse("[".repeat(601) + "]".repeat(601)) as unknown;
    const long = Array.from({ length: 9_000 }, (_, index) => `${index}`.padEnd(1_000));
    const refusals = [
      [{ a: [() => 1] }, "not_comparable", "orders.place: input.a[0] is a function"],
      [nested, "too_deep", "deeper than 600 levels"],
      [long, "too_large", "more than 8000000 characters"],
    ] as const;
    for (const [input, reason, message] of refusals) {
      await expect(prepare({ input })).rejects.toMatchObject({
        code: "INPUT_INVALID",
        retryable: false,
        details: { operation: "orders.place", reason },
        message: expect.stringContaining(message),
      });
    }
  });
});

test("an operation with a NUL, which PostgreSQL cannot store, is refused before any database work", async () => {
  const request = { operation: "a\0b", key: "k", scope: "u" };
  await expect(prepareRun(request, resolveOptions({}))).rejects.toThrow("characters without NUL");
});
