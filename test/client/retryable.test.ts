import { describe, expect, test } from "vitest";
import { isRetryableAnswer } from "../../src/core/browser/retryable.ts";
import { IdempotencyError, isIdempotencyError } from "../../src/core/contract/errors/errors.ts";
import { resolveOptions } from "../../src/core/contract/options/options.ts";
import { claimLost, inProgress, leaseLost } from "../../src/core/outcome/run-errors.ts";
import { throwIfReused } from "../../src/core/outcome/stored-outcome.ts";
import { prepareRun } from "../../src/core/request/prepare.ts";
import { problemResponse } from "../../src/http/index.ts";

const run = await prepareRun({ operation: "o", key: "k", scope: "s" }, resolveOptions({}));

/** tRPC hands on our message, and its CONFLICT may also be the application's own: clients go by the words. */
describe("a tRPC client recognises by its message", () => {
  test.each([inProgress(run), claimLost(run), leaseLost(run, true), leaseLost(run, false)])(
    "$code, and repeats the call",
    ({ message, retryable }) => {
      expect(retryable).toBe(true);
      expect(isRetryableAnswer(409, message)).toBe(true);
    },
  );

  test("KEY_REUSED, and does not repeat the call", () => {
    const reused = thrownBy(() => throwIfReused(run, "another"));
    expect(isIdempotencyError(reused)).toBe(true);
    expect(isRetryableAnswer(422, (reused as Error).message)).toBe(false);
  });

  test("no other conflict", () => {
    expect(isRetryableAnswer(409, "The seat is taken.")).toBe(false);
  });
});

/** That a key is free says nothing of whether the same request can succeed. */
test.each([
  "IN_PROGRESS",
  "CLAIM_LOST",
  "LEASE_LOST",
  "STORE_UNAVAILABLE",
  "STORE_MISCONFIGURED",
  "SCOPE_MISSING",
  "RESULT_UNSTORABLE",
  "KEY_INVALID",
  "INPUT_INVALID",
] as const)("an answer %s, which tells released, is repeated only if that helps", async (code) => {
  const error = new IdempotencyError(code, "The words of the error.", { operation: "o" } as never);
  const answer = problemResponse(error);
  expect(answer.headers.get("idempotency-outcome")).toBe("released");
  expect(answer.headers.has("retry-after")).toBe(error.retryable);
  expect(isRetryableAnswer(answer.status, await answer.text())).toBe(error.retryable);
});

function thrownBy(work: () => void): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
}
