import { expect, test } from "vitest";
import { runExample } from "./run-example.ts";

test("the webhooks example credits each payment once by each endpoint, and leaves nothing behind", async () => {
  const { exitCode, output, left } = await runExample("webhooks");
  expect(output).toContain("put aside: 1 event");
  expect(output).toContain("a forged event: 400");
  expect(output).toMatch(/[1-9]\d* answers lost, 3 kills/);
  expect(output).toContain("10 payments, 20 credits by two endpoints, 10000 cents");
  expect(exitCode).toBe(0);
  expect(left).toEqual([]);
});
