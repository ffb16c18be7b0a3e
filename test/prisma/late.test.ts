import { expect, test } from "vitest";
import { endingBy } from "../../src/prisma/late.ts";

test("a transaction that has not begun in time is told not to go on, and fails with Prisma's code", async () => {
  let over: AbortSignal | undefined;
  const ended = endingBy(1, (signal) => {
    over = signal;
    return new Promise<never>(() => {});
  });
  expect(over?.aborted).toBe(false);
  await expect(ended).rejects.toMatchObject({ code: "P2028" });
  expect(() => over?.throwIfAborted()).toThrow("did not end within 1 ms");
});

test("a transaction that ends in time gives its own end", async () => {
  await expect(endingBy(1_000, () => Promise.resolve(1))).resolves.toBe(1);
  await expect(endingBy(1_000, () => Promise.reject(new Error("own")))).rejects.toThrow("own");
});
