/** The errors of runs: which code a fault becomes, and whose words and causes they have. */
import { describe, expect, test } from "vitest";
import type { StoreFault } from "../../src/core/contract/store.ts";
import { inProgress, leaseLost, notStored, storeFailed } from "../../src/core/outcome/run-errors.ts";
import { preparedWith } from "../support/runs.ts";

describe("an error of a run", () => {
  const cause = new Error("of the driver");

  test("has a cause only if there is one", async () => {
    const run = await preparedWith({ waitMs: 7 });
    expect(inProgress(run)).not.toHaveProperty("cause");
    expect(inProgress(run, cause).cause).toBe(cause);
    expect(inProgress(run).message).toContain("It did not finish within 7 ms.");
    expect(inProgress(await preparedWith({ onDuplicate: "reject" })).message).not.toContain("within");
    expect(leaseLost(run, true)).not.toHaveProperty("cause");
    expect(leaseLost(run, false, cause)).toMatchObject({
      cause,
      details: { operation: "orders.place", takenOver: false },
    });
  });

  const codes: [StoreFault | undefined, claim: string, stored: string][] = [
    ["unavailable", "STORE_UNAVAILABLE", "STORE_UNAVAILABLE"],
    ["write_conflict", "STORE_UNAVAILABLE", "STORE_UNAVAILABLE"],
    ["lock_timeout", "STORE_UNAVAILABLE", "STORE_UNAVAILABLE"],
    ["transaction_aborted", "STORE_MISCONFIGURED", "RESULT_UNSTORABLE"],
    ["transaction_expired", "STORE_UNAVAILABLE", "itself"],
    ["handler_mistake", "STORE_UNAVAILABLE", "itself"],
    ["read_only", "STORE_UNAVAILABLE", "STORE_MISCONFIGURED"],
    ["misconfigured", "STORE_MISCONFIGURED", "STORE_MISCONFIGURED"],
    [undefined, "STORE_MISCONFIGURED", "STORE_MISCONFIGURED"],
  ];
  test.each(codes)("after %s, is %s for a claim and %s for an outcome", (fault, claim, stored) => {
    const run = { operation: "orders.place" };
    const details = { operation: "orders.place" };
    expect(storeFailed(run, fault, cause)).toMatchObject({ code: claim, cause, details });
    const error = notStored(run, "the result", fault, cause);
    if (stored === "itself") expect(error).toBe(cause);
    else expect(error).toMatchObject({ code: stored, cause, details });
    const blames = fault === "read_only" || fault === "misconfigured";
    expect((error as Error).message.includes("it must set that back")).toBe(blames);
  });

  test("repeats the store's own words alone", () => {
    const said = (name: string) =>
      storeFailed({ operation: "o" }, undefined, Object.assign(new Error("words"), { name })).message;
    expect(said("StoreError")).toContain("words");
    expect(said("EncryptionError")).toContain("words");
    expect(said("DatabaseError")).not.toContain("words");
    expect(
      storeFailed({ operation: "o" }, undefined, { name: "StoreError", message: "words" }).message,
    ).not.toContain("words");
  });
});
