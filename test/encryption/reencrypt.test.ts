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
    for (let n = 0; n < 6; n += 1) await idempotencyOf(db.prisma).run(request(`more${n}`), async () => n);
    expect(await idempotency.reencrypt({ signal })).toEqual({ records: 8, rewritten: 8, unreadable: 0 });
    expect(await idempotency.reencrypt()).toEqual({ records: 9, rewritten: 1, unreadable: 0 });
    await expect(idempotency.reencrypt({ signal: 5 as never })).rejects.toThrow("option signal");
  });

  test("misses no record whose lease is renewed meanwhile", async () => {
    await using db = await open();
    const count = 1_200;
    const plain = idempotencyOf(db.prisma);
    await plain.run(request("k"), async () => "secret");
    const numbers = "0123456789"
      .split("")
      .map((n) => `SELECT ${n} AS n`)
      .join(" UNION ALL ");
    const [pad, plus] =
      db.provider === "sqlite"
        ? [
            "printf('%043d', x.n)",
            "strftime('%Y-%m-%dT%H:%M:%f+00:00', expires_at, '+' || x.n || ' seconds')",
          ]
        : [
            "LPAD(CONCAT(x.n, ''), 43, '0')",
            db.provider === "mariadb"
              ? "expires_at + INTERVAL x.n SECOND"
              : "expires_at + x.n * interval '1 s'",
          ];
    await db.query(`INSERT INTO idempotency_record
  (id, scope, operation, key, fingerprint, status, owner, attempt, response, created_at, completed_at, expires_at)
SELECT ${pad}, scope, operation, 'c', fingerprint, status, owner, attempt, response, created_at, completed_at, ${plus}
FROM idempotency_record, (SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n AS n FROM (${numbers}) AS a, (${numbers}) AS b, (${numbers}) AS c, (${numbers}) AS d) AS x
WHERE key = 'k' AND x.n < ${count}`);
    const over = new AbortController();
    const later = plus.replaceAll("x.n", "9000");
    const renewing = (async () => {
      for (let n = 0; !over.signal.aborted && n < count; n += 40) {
        await db.query(
          `UPDATE idempotency_record SET expires_at = ${later} WHERE id >= '${String(n).padStart(43, "0")}' AND id < '${String(n + 40).padStart(43, "0")}'`,
        );
      }
    })();
    const idempotency = createIdempotency({ prisma: db.prisma, encryption: { current: "a", keys } });
    const done = await idempotency.reencrypt();
    over.abort();
    await renewing;
    expect(done).toEqual({ records: count + 1, rewritten: count + 1, unreadable: 0 });
    const [left] = await db.query(
      "SELECT count(*) AS n FROM idempotency_record WHERE response NOT LIKE 'aes%'",
    );
    expect(Number(left?.["n"])).toBe(0);
  });

  test("needs the option", async () => {
    await using db = await open();
    await expect(idempotencyOf(db.prisma).reencrypt()).rejects.toThrow("reencrypt() needs option encryption");
  });
});
