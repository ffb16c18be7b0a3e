import fc from "fast-check";
import { expect, test } from "vitest";
import { canonical } from "../../src/core/request/canonical.ts";
import { fingerprintOf } from "../../src/core/request/fingerprint.ts";
import { leaf, reordered, sameInput, values } from "./inputs.ts";

test("key order and undefined properties never matter, at any depth", async () => {
  await fc.assert(
    fc.asyncProperty(values, async (value) => {
      expect(await canonical(reordered(value))).toBe(await canonical(value));
    }),
    { numRuns: 1_000 },
  );
});

test("two values have the same text exactly when they are the same input", async () => {
  await fc.assert(
    fc.asyncProperty(values, values, async (one, other) => {
      expect((await canonical(one)) === (await canonical(other))).toBe(sameInput(one, other));
    }),
    { numRuns: 5_000 },
  );
});

test("a value and itself with one leaf changed never have the same text", async () => {
  const pairs = values.chain((value) => fc.tuple(fc.constant(value), leaf, leaf));
  await fc.assert(
    fc.asyncProperty(pairs, async ([value, one, other]) => {
      const around = (item: unknown) => [{ before: value, item, zafter: value }, value];
      expect((await canonical(around(one))) === (await canonical(around(other)))).toBe(sameInput(one, other));
    }),
    { numRuns: 2_000 },
  );
});

test("the text of a value inside another is not changed by what stands around it", async () => {
  await fc.assert(
    fc.asyncProperty(values, values, async (one, other) => {
      expect(await canonical([one, other])).toBe(`[${await canonical(one)}${await canonical(other)}]`);
    }),
  );
});

test("a fingerprint is 43 characters and differs with the text", async () => {
  await fc.assert(
    fc.asyncProperty(values, values, async (one, other) => {
      const [first, second] = [await fingerprintOf(one), await fingerprintOf(other)];
      expect(first).toMatch(/^[\w-]{43}$/);
      expect(first === second).toBe(sameInput(one, other));
    }),
    { numRuns: 500 },
  );
});

test("a fingerprint tells lone surrogates apart, which UTF-8 would write alike", async () => {
  expect(await fingerprintOf("\ud800")).not.toBe(await fingerprintOf("\ud801"));
  expect(await fingerprintOf("\ud800")).not.toBe(await fingerprintOf("\ufffd"));
});

test("a fingerprint is the same in every release, or retries across a deployment would be refused", async () => {
  const input = { item: "book", quantity: 2, tags: ["a", new Date(0)], note: undefined, big: 1n };
  expect(await fingerprintOf(input)).toBe("LDjGfjv52PMNN9bxS3WbSJDcXogZqzSn2ouv-O16Al0");
});
