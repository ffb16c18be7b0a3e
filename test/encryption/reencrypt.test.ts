/** What is stored by an old key, or by none, is stored by the current one afterwards. */
import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { databases } from "../support/database.ts";
import { idempotencyOf, placing, records, request } from "../support/runs.ts";

const keys = { a: randomBytes(32), b: randomBytes(32) };
const leased = { operation: "orders.place", scope: "u", key: "leased" };

describe.each(databases)("reencrypt on $name", ({ open }) => {
  test("rewrites results, errors, steps and inputs, each once, and tells what it cannot read", async () => {
    await using db = await open();
    const made = (encryption: object) =>
      createIdempotency({
        prisma: db.prisma,
        storeInput: true,
        storeError: () => true,
        encryption: encryption as never,
      });
    await idempotencyOf(db.prisma).run(request("plain"), async () => "plain");
    const old = made({ current: "a", keys: { a: keys.a } });
    await old.run(request("old"), async () => "old");
    await old.run(request("failed"), () => Promise.reject(new Error("no"))).catch(() => {});
    await old.runLeased({ ...leased, input: "in" }, async ({ step }) => step("one", () => "of a step"));
    const lost = made({ current: "x", keys: { x: randomBytes(32) } });
    await lost.run(request("lost"), async () => "lost");
    const current = made({ current: "b", keys });
    await current.run(request("new"), async () => "new");

    expect(await current.reencrypt()).toEqual({ records: 6, rewritten: 6, unreadable: 1 });
    const texts = JSON.stringify([await records(db), await db.query("SELECT * FROM idempotency_step")]);
    expect(texts.match(/aes-256-gcm:\w+/g)?.toSorted()).toEqual([
      ...Array.from({ length: 7 }, () => "aes-256-gcm:b"),
      "aes-256-gcm:x",
    ]);
    expect(await current.reencrypt()).toEqual({ records: 6, rewritten: 0, unreadable: 1 });

    const later = made({ current: "b", keys: { b: keys.b }, plaintext: "refuse" });
    for (const key of ["plain", "old", "new"]) {
      expect(await later.run(request(key), placing(key))).toEqual({ value: key, replayed: true });
    }
    await expect(later.run(request("failed"), placing("failed"))).rejects.toThrow("no");
    expect(await later.inspect(leased)).toMatchObject({
      input: { value: "in" },
      answer: { value: "of a step" },
      steps: [{ name: "one", result: { value: "of a step" } }],
    });
  });

  test("ends with its signal, and goes on the next time", async () => {
    await using db = await open();
    for (const key of ["1", "2", "3"]) await idempotencyOf(db.prisma).run(request(key), async () => key);
    let looks = 0;
    const signal = {
      get aborted() {
        return (looks += 1) > 2;
      },
    } as AbortSignal;
    const idempotency = createIdempotency({ prisma: db.prisma, encryption: { current: "a", keys } });
    expect(await idempotency.reencrypt({ signal })).toEqual({ records: 2, rewritten: 2, unreadable: 0 });
    expect(await idempotency.reencrypt()).toEqual({ records: 3, rewritten: 1, unreadable: 0 });
  });

  test("needs the option", async () => {
    await using db = await open();
    await expect(idempotencyOf(db.prisma).reencrypt()).rejects.toThrow("reencrypt() needs option encryption");
  });
});
