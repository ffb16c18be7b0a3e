import { expect, test } from "vitest";
import { runExample } from "./run-example.ts";

test("the payments example ends with as many orders as charges, and leaves nothing behind", async () => {
  const { exitCode, output, left } = await runExample("payments");
  expect(output).toContain("10 orders, 10 charges, 10 shipments");
  expect(output).toContain("no answer");
  expect(exitCode).toBe(0);
  expect(left).toEqual([]);
});
