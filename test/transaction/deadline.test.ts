import { expect, test } from "vitest";
import { type Deadline, ExpiredTransactionError, endingWithin } from "../../src/prisma/client/deadline.ts";

const late = () => new ExpiredTransactionError(300, false);

test("work that has not ended in time fails, and is told not to begin", async () => {
  let deadline: Deadline | undefined;
  const ended = endingWithin(1, late, (given) => {
    deadline = given;
    return new Promise<never>(() => {});
  });
  expect(deadline?.isOver).toBe(false);
  await expect(ended).rejects.toMatchObject({
    code: "P2028",
    message: expect.stringContaining("did not end within 300 ms"),
  });
  expect(deadline?.isOver).toBe(true);
});

test("work that ends in time gives its own end", async () => {
  await expect(endingWithin(1_000, late, () => Promise.resolve(1))).resolves.toBe(1);
  await expect(endingWithin(1_000, late, () => Promise.reject(new Error("own")))).rejects.toThrow("own");
});
