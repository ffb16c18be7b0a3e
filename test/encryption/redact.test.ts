/** What option `redact` takes away is not stored, and only the first caller has it. */
import { describe, expect, test } from "vitest";
import { createCompleter } from "../../src/core/lease/completer.ts";
import { lapse } from "../leases/helpers.ts";
import { databases } from "../support/database.ts";
import { failureOf, idempotencyOf, placing, records, request, warningsDuring } from "../support/runs.ts";

interface Issued {
  id: number;
  token?: string;
}
const withoutToken = (value: unknown) => {
  const { token: _, ...others } = value as Issued;
  return others;
};

describe.each(databases)("redact on $name", ({ open }) => {
  test("takes a field out of a result: the first caller has it, duplicates do not", async () => {
    await using db = await open();
    const redact = (value: unknown, kind: string) => (kind === "result" ? withoutToken(value) : value);
    const idempotency = idempotencyOf(db.prisma, { redact });
    const issue = async (): Promise<Issued> => ({ id: 1, token: "t0ken" });
    const [first, ...others] = await Promise.all([1, 2, 3].map(() => idempotency.run(request("k"), issue)));
    expect(first).toEqual({ value: { id: 1, token: "t0ken" }, replayed: false });
    expect(others).toEqual([1, 2].map(() => ({ value: { id: 1 }, replayed: true })));
    expect(await idempotencyOf(db.prisma).run(request("k"), issue)).toEqual({
      value: { id: 1 },
      replayed: true,
    });
    expect(JSON.stringify(await records(db))).not.toContain("t0ken");
  });

  test("may change what it is given: the first caller's own stays whole", async () => {
    await using db = await open();
    const redact = (value: unknown) => {
      (value as Issued).token = "***";
      return value;
    };
    const { value } = await idempotencyOf(db.prisma, { redact }).run(request("k"), async () => ({
      token: "t0ken",
    }));
    expect(value).toEqual({ token: "t0ken" });
    expect((await idempotencyOf(db.prisma).run(request("k"), async () => value)).value).toEqual({
      token: "***",
    });
  });

  test("takes an error's words away", async () => {
    await using db = await open();
    const redact = (value: unknown, kind: string) => (kind === "error" ? new Error("refused") : value);
    const idempotency = idempotencyOf(db.prisma, { redact, storeError: () => true });
    const run = () => idempotency.run(request("k"), () => Promise.reject(new Error("card 4242-4242")));
    await expect(run()).rejects.toThrow("card 4242-4242");
    await expect(run()).rejects.toThrow("refused");
    expect(JSON.stringify(await records(db))).not.toContain("4242-4242");
  });

  test("an error that it fails for is not stored, with a warning", async () => {
    await using db = await open();
    const redact = () => {
      throw new Error("no such field");
    };
    const idempotency = idempotencyOf(db.prisma, { redact, storeError: () => true });
    const warnings = await warningsDuring(async () => {
      for (let n = 0; n < 2; n += 1) {
        const run = idempotency.run(request("k"), () => Promise.reject(new Error("card 4242-4242")));
        await expect(run).rejects.toThrow("card 4242-4242");
      }
    });
    expect(warnings.map(({ name }) => name)).toContain("OnceonlyRedactWarning");
    expect(await records(db)).toEqual([]);
  });

  test("that changes what it is given leaves the caller's own input and error alone", async () => {
    await using db = await open();
    const redact = (value: unknown) => {
      delete (value as { card?: string }).card;
      return value;
    };
    const idempotency = idempotencyOf(db.prisma, { redact, storeInput: true, storeError: () => true });
    const input = { amount: 5, card: "4242-4242" };
    const thrown = Object.assign(new Error("declined"), { card: "4242-4242" });
    const run = idempotency.runLeased(request("k", { input }), () => Promise.reject(thrown));
    await expect(run).rejects.toMatchObject({ card: "4242-4242" });
    expect(input).toEqual({ amount: 5, card: "4242-4242" });
    expect(JSON.stringify(await records(db))).not.toContain("4242-4242");
    const again = idempotency.runLeased(request("k", { input }), () => expect.fail());
    await expect(again).rejects.toThrow("declined");
  });

  test("takes a field out of a stored input; the fingerprint is of the whole", async () => {
    await using db = await open();
    const redact = (value: unknown, kind: string) => (kind === "input" ? withoutToken(value) : value);
    const idempotency = idempotencyOf(db.prisma, { redact, storeInput: true });
    const input = { id: 1, token: "t0ken" };
    await idempotency
      .runLeased(request("k", { input }), () => Promise.reject(new Error("down")))
      .catch(() => {});
    expect(JSON.stringify(await records(db))).not.toContain("t0ken");
    await lapse(db);
    const seen: unknown[] = [];
    const handlers = { "orders.place": async (_: unknown, stored: unknown) => seen.push(stored) };
    await createCompleter({ idempotency, handlers }).runOnce();
    expect(seen).toEqual([{ id: 1 }]);
    const other = idempotency.runLeased(request("k", { input: { id: 1, token: "other" } }), async () => 1);
    expect((await failureOf(other)).code).toBe("KEY_REUSED");
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("no such field");
      },
      "no such field",
    ],
    ["returns a promise", async () => 1, "promise"],
  ])("that %s stores nothing, and undoes the run", async (_, redact, message) => {
    await using db = await open();
    const error = await failureOf(idempotencyOf(db.prisma, { redact }).run(request("k"), placing("k")));
    expect([error.code, error.retryable]).toEqual(["RESULT_UNSTORABLE", false]);
    expect(error.message).toContain("option redact failed");
    // What it says may tell of the value.
    expect(error.message).not.toContain(message);
    const leased = idempotencyOf(db.prisma, { redact, storeInput: true });
    const run = leased.runLeased(request("l", { input: 1 }), () => expect.fail());
    expect((await failureOf(run)).code).toBe("RESULT_UNSTORABLE");
    expect(await records(db)).toEqual([]);
    expect(await db.countOrders()).toBe(0);
  });
});
