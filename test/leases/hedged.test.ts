/** A statement that is not answered is sent again, and not for ever. */
import { describe, expect, it } from "vitest";
import { idempotencyOver } from "../../src/core/create.ts";
import { hedged } from "../../src/core/lease/hedged.ts";
import { createPrismaStore } from "../../src/prisma/create-store.ts";
import { StoreError } from "../../src/sql/dialect/store-error.ts";
import { databases } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { failureOf } from "../support/runs.ts";
import { countAccounts, deposit, paying, type Tx } from "./helpers.ts";

describe("a statement that hangs", () => {
  it("is sent three times, and the first answer counts, whichever it is of", async () => {
    const answers: ((answer: string) => void)[] = [];
    const answer = hedged(() => new Promise<string>((resolve) => answers.push(resolve)), 1);
    await eventually(() => expect(answers).toHaveLength(3), 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(answers).toHaveLength(3);
    answers[1]?.("second");
    expect(await answer).toBe("second");
  });

  it("fails with the first error, and leaves no other unheard", async () => {
    let sent = 0;
    const failing = hedged(async () => {
      sent += 1;
      if (sent === 1) await new Promise((resolve) => setTimeout(resolve, 50));
      throw new Error(`error ${sent === 2 ? "of the second" : "of the first"}`);
    }, 5);
    await expect(failing).rejects.toThrow("of the second");
    await new Promise((resolve) => setTimeout(resolve, 60));
  });
});

describe.each(databases)("a transaction of a leased run whose COMMIT had no answer, on $name", ({ open }) => {
  it("is not told as recorded if the lease was taken over meanwhile", async () => {
    await using db = await open();
    const store = createPrismaStore({ prisma: db.prisma });
    const losing = new Proxy(store, {
      get(target, name) {
        if (name !== "transaction") {
          const value: unknown = Reflect.get(target, name);
          return typeof value === "function" ? (value.bind(target) as unknown) : value;
        }
        return async (...args: Parameters<typeof store.transaction>) => {
          await target.transaction(...args);
          await db.query("UPDATE idempotency_record SET owner = 'another'");
          throw new StoreError("unavailable", "no answer");
        };
      },
    });
    const idempotency = idempotencyOver<Tx>(losing as never, { outageMs: 0 });
    const run = idempotency.runLeased(paying("k"), ({ transaction }) =>
      transaction("book", ({ tx }) => deposit(tx, "a")),
    );
    expect(await failureOf(run)).toMatchObject({ code: "LEASE_LOST", details: { takenOver: true } });
    expect(await countAccounts(db)).toBe(1);
  });
});
