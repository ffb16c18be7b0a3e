/** What is stored can be read by who has the key, and by nobody else. */
import { randomBytes } from "node:crypto";
import Keyv from "keyv";
import { describe, expect, test } from "vitest";
import type { EncryptionOptions } from "../../src/core/contract/options/encryption.ts";
import type { RunOptions } from "../../src/core/contract/options/options.ts";
import { createCompleter } from "../../src/core/lease/completer.ts";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { lapse } from "../leases/helpers.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { failureOf, placing, records, request } from "../support/runs.ts";

const A = randomBytes(32);
const B = randomBytes(32);
const SECRET = "s3cret-of-the-customer";

const withKeys = (db: TestDatabase, encryption: EncryptionOptions, more: RunOptions = {}) =>
  createIdempotency({ prisma: db.prisma, encryption, ...more });
const byA: EncryptionOptions = { current: "a", keys: { a: A } };
const name = { operation: "orders.place", scope: "u", key: "k" };

/** Everything in both tables, as texts. */
async function stored(db: TestDatabase): Promise<string> {
  return JSON.stringify([await records(db), await db.query("SELECT * FROM idempotency_step")]);
}

async function leasedWithSecrets(db: TestDatabase, encryption: EncryptionOptions) {
  const idempotency = withKeys(db, encryption, { storeInput: true });
  const run = idempotency.runLeased(request("k", { input: { card: SECRET } }), async ({ step }) => {
    await step("charge", () => SECRET);
    throw new Error("down");
  });
  await run.catch(() => {});
  return idempotency;
}

describe.each(databases)("encryption on $name", ({ open }) => {
  test("keeps results, errors, steps and inputs out of the tables, and answers duplicates all the same", async () => {
    await using db = await open();
    const idempotency = withKeys(db, byA, { storeError: () => true });
    const value = { token: SECRET, at: new Date(0), big: 2n ** 60n, text: "ünï 😀 \u0000 \u2028" };
    const answers = [1, 2].map(() => idempotency.run(request("k"), async () => value));
    expect((await Promise.all(answers)).map((answer) => answer.value)).toEqual([value, value]);
    const again = await withKeys(db, byA).run(request("k"), async () => expect.fail());
    expect(again).toEqual({ value, replayed: true });
    const failing = () => idempotency.run(request("f"), () => Promise.reject(new TypeError(SECRET)));
    await expect(failing()).rejects.toThrow(SECRET);
    await expect(failing()).rejects.toThrow(SECRET);
    const text = await stored(db);
    expect(text).not.toContain(SECRET);
    expect(text.match(/aes-256-gcm:a:[\w-]{40,}/g)).toHaveLength(2);
    expect(await idempotency.inspect(name)).toMatchObject({ answer: { isReadable: true, value } });
  });

  test("covers leased runs: a later attempt has the steps, a completer has the input", async () => {
    await using db = await open();
    const idempotency = await leasedWithSecrets(db, byA);
    expect(await stored(db)).not.toContain(SECRET);
    expect(await idempotency.inspect(name)).toMatchObject({
      input: { isReadable: true, value: { card: SECRET } },
      steps: [{ name: "charge", result: { isReadable: true, value: SECRET } }],
    });
    await lapse(db);
    const seen: unknown[] = [];
    const completer = createCompleter({
      idempotency,
      handlers: {
        "orders.place": async ({ step }, input) => {
          seen.push(input, await step("charge", () => expect.fail()));
          return "done";
        },
      },
      onError: (error) => seen.push(error),
    });
    await completer.runOnce();
    expect(seen).toEqual([{ card: SECRET }, SECRET]);
    expect(await idempotency.inspect(name)).toMatchObject({ state: "completed", answer: { value: "done" } });
    expect(await stored(db)).not.toMatch(/s3cret|done/);
  });

  test("goes on over a change of keys: the old one is read, the new one writes", async () => {
    await using db = await open();
    await withKeys(db, byA).run(request("old"), async () => "old");
    const both: EncryptionOptions = { current: "b", keys: { a: A, b: B.toString("base64") } };
    const rotated = withKeys(db, both);
    expect(await rotated.run(request("old"), async () => expect.fail())).toMatchObject({ value: "old" });
    await rotated.run(request("new"), async () => "new");
    const ids = (await records(db)).map(({ key, response }) => [key, String(response).split(":")[1]]);
    expect(ids).toEqual([
      ["new", "b"],
      ["old", "a"],
    ]);
    const onlyB = withKeys(db, { current: "b", keys: { b: B } });
    expect((await failureOf(onlyB.run(request("old"), placing("x")))).code).toBe("RESULT_UNREADABLE");
    expect(await db.countOrders()).toBe(0);
  });

  test("reads what was stored without it, unless that is refused", async () => {
    await using db = await open();
    await createIdempotency({ prisma: db.prisma }).run(request("k"), async () => "plain");
    expect(await withKeys(db, byA).run(request("k"), placing("x"))).toEqual({
      value: "plain",
      replayed: true,
    });
    const strict = withKeys(db, { ...byA, plaintext: "refuse" });
    expect((await failureOf(strict.run(request("k"), placing("x")))).code).toBe("RESULT_UNREADABLE");
    expect(await strict.inspect(name)).toMatchObject({
      answer: { isReadable: false, reason: expect.stringContaining('option encryption.plaintext: "refuse"') },
    });
  });

  test("is refused, and never executed, by who has no key", async () => {
    await using db = await open();
    await withKeys(db, byA).run(request("k"), placing("k"));
    const place = placing("again");
    for (const other of [
      createIdempotency({ prisma: db.prisma }),
      withKeys(db, { current: "b", keys: { b: B } }),
      withKeys(db, { current: "a", keys: { a: B } }),
    ]) {
      const error = await failureOf(other.run(request("k"), place));
      expect([error.code, error.retryable]).toEqual(["RESULT_UNREADABLE", false]);
      expect(error.message).not.toContain(SECRET);
      expect((error.cause as Error).message).toContain('it is encrypted by the key "a"');
    }
    expect(place.runs).toBe(0);
  });

  test.each([
    [
      "another record's",
      "(SELECT response FROM (SELECT response FROM idempotency_record WHERE key = 'other') AS o)",
    ],
    ["its first part", "substr(response, 1, 60)"],
    ["nothing behind its name", "'aes-256-gcm:a:'"],
    ["one byte more", "CONCATENATED"],
    ["an unknown key", "replace(response, ':a:', ':c:')"],
    ["the name of a method", "replace(response, ':a:', ':constructor:')"],
  ])("refuses a row that holds %s", async (_, change) => {
    await using db = await open();
    const idempotency = withKeys(db, byA);
    await idempotency.run(request("k"), async () => "mine");
    await idempotency.run(request("other"), async () => "theirs");
    const sql = change.replace(
      "CONCATENATED",
      db.provider === "mariadb" ? "CONCAT(response, 'AAAA')" : "response || 'AAAA'",
    );
    await db.query(`UPDATE idempotency_record SET response = ${sql} WHERE key = 'k'`);
    expect((await failureOf(idempotency.run(request("k"), placing("x")))).code).toBe("RESULT_UNREADABLE");
    expect((await failureOf(withKeys(db, byA).run(request("k"), placing("x")))).code).toBe(
      "RESULT_UNREADABLE",
    );
    expect(await db.countOrders()).toBe(0);
  });

  test("refuses a result that is passed off as an error", async () => {
    await using db = await open();
    const idempotency = withKeys(db, byA);
    await idempotency.run(request("k"), async () => "mine");
    await db.query("UPDATE idempotency_record SET status = 'failed'");
    expect((await failureOf(withKeys(db, byA).run(request("k"), placing("x")))).code).toBe(
      "RESULT_UNREADABLE",
    );
  });

  test("asks nobody for a key whose name cannot be one", async () => {
    await using db = await open();
    const asked: string[] = [];
    const keys = (id: string) => {
      asked.push(id);
      return id === "a" ? A : undefined;
    };
    const idempotency = withKeys(db, { current: "a", keys });
    await idempotency.run(request("k"), async () => 1);
    for (const name of ["../../etc/passwd", "", "x".repeat(65), "a b"]) {
      await db.query(`UPDATE idempotency_record SET response = 'aes-256-gcm:${name}:AAAA'`);
      expect(
        (await failureOf(withKeys(db, { current: "a", keys }).run(request("k"), placing("x")))).code,
      ).toBe("RESULT_UNREADABLE");
    }
    expect(new Set(asked)).toEqual(new Set(["a"]));
  });

  test("reads without writing, as the first step of several processes", async () => {
    await using db = await open();
    await withKeys(db, byA).run(request("sealed"), async () => "sealed");
    const reading = withKeys(db, { current: null, keys: { a: A } });
    expect(await reading.run(request("sealed"), placing("x"))).toEqual({ value: "sealed", replayed: true });
    await reading.run(request("plain"), async () => "in clear");
    expect((await records(db)).map(({ response }) => String(response).slice(0, 13))).toEqual([
      expect.stringContaining("devalue:"),
      "aes-256-gcm:a",
    ]);
    await expect(reading.reencrypt()).rejects.toThrow("with a current key");
  });

  test("a key of old records that is slow holds no connection, and fresh keys go on", async () => {
    await using db = await open();
    const old = withKeys(db, { current: "old", keys: { old: B } });
    const count = 12;
    for (let n = 0; n < count; n += 1) await old.run(request(`old${n}`), async () => n);
    let answer: () => void = () => {};
    const asked = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const keys = async (id: string) => {
      if (id === "old") await asked;
      return id === "old" ? B : A;
    };
    const client = await db.connect({ max: 2 });
    const idempotency = createIdempotency({ prisma: client, encryption: { current: "a", keys } });
    const duplicates = Array.from({ length: count }, (_, n) =>
      idempotency.run(request(`old${n}`), placing("x")),
    );
    // They would have both connections, if they waited in their transactions.
    for (let n = 0; n < 5; n += 1) await idempotency.run(request(`fresh${n}`), async () => n);
    answer();
    expect((await Promise.all(duplicates)).map(({ value }) => value)).toEqual(
      Array.from({ length: count }, (_, n) => n),
    );
    expect(await db.countOrders()).toBe(0);
  });

  test("a key service without an answer is given up, and asked again", async () => {
    await using db = await open();
    let isStuck = true;
    const keys = (): Promise<Buffer> => (isStuck ? new Promise(() => {}) : Promise.resolve(A));
    const idempotency = withKeys(db, { current: "a", keys }, { outageMs: 0 });
    const place = placing("k");
    const error = await failureOf(idempotency.run(request("k"), place));
    expect([error.code, error.retryable, place.runs]).toEqual(["STORE_UNAVAILABLE", true, 0]);
    isStuck = false;
    expect((await idempotency.run(request("k"), place)).replayed).toBe(false);
  });

  test("an abandoned run whose key is away loses no attempt, and keeps no other one from its completer", async () => {
    await using db = await open();
    const leave = async (key: string, encryption: EncryptionOptions) =>
      withKeys(db, encryption, { storeInput: true })
        .runLeased(request(key, { input: key }), () => Promise.reject(new Error("down")))
        .catch(() => {});
    await leave("k1", { current: "old", keys: { old: B } });
    await leave("k2", byA);
    let isAway = true;
    const keys = async (id: string) => {
      if (id === "old" && isAway) throw new Error("away");
      return id === "old" ? B : A;
    };
    const done: unknown[] = [];
    const idempotency = withKeys(db, { current: "a", keys }, { storeInput: true });
    const completer = createCompleter({
      idempotency,
      attemptsMax: 3,
      handlers: { "orders.place": async (_: unknown, input: unknown) => done.push(input) },
      onError: () => {},
    });
    for (let look = 0; look < 5; look += 1) {
      await lapse(db);
      await completer.runOnce().catch(() => {});
    }
    expect(done).toEqual(["k2"]);
    const [left] = (await idempotency.list({ state: "in_progress" })).records;
    expect([left?.key, left?.attempt]).toEqual(["k1", 1]);
    isAway = false;
    await lapse(db);
    await completer.runOnce();
    expect(done).toEqual(["k2", "k1"]);
  });

  test("a step that was moved to another name is refused", async () => {
    await using db = await open();
    const idempotency = await leasedWithSecrets(db, byA);
    await db.query("UPDATE idempotency_step SET name = 'refund'");
    const run = idempotency.runLeased(request("k", { input: { card: SECRET } }), ({ step }) =>
      step("refund", () => expect.fail()),
    );
    expect((await failureOf(run)).code).toBe("RESULT_UNREADABLE");
  });

  test("asks a function for each key once, waits for it, and asks again after it failed", async () => {
    await using db = await open();
    const asked: string[] = [];
    let isAway = true;
    const keys = async (id: string) => {
      asked.push(id);
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (isAway) throw new Error("the key service is away");
      return id === "a" ? A : undefined;
    };
    const idempotency = withKeys(db, { current: "a", keys }, { outageMs: 0 });
    const place = placing("k");
    const error = await failureOf(idempotency.run(request("k"), place));
    expect([error.code, error.retryable, place.runs]).toEqual(["STORE_UNAVAILABLE", true, 0]);
    expect(String(error.cause)).toContain('encryption.keys failed for the key "a"');
    isAway = false;
    await Promise.all(["k", "l", "m"].map((key) => idempotency.run(request(key), placing(key))));
    await idempotency.run(request("k"), placing("k"));
    expect(asked).toEqual(["a", "a"]);
  });

  test("a function without the key that is to write is a wrong set-up, before anything is executed", async () => {
    await using db = await open();
    const place = placing("k");
    for (const keys of [() => undefined, () => "short", () => new Uint8Array(31)]) {
      const idempotency = withKeys(db, { current: "a", keys: keys as never });
      const error = await failureOf(idempotency.run(request("k"), place));
      expect([error.code, error.retryable]).toEqual(["STORE_MISCONFIGURED", false]);
      expect(error.message).toContain("encryption.keys");
      expect((await failureOf(idempotency.runLeased(request("k"), async () => 1))).code).toBe(
        "STORE_MISCONFIGURED",
      );
      expect((await failureOf(idempotency.check())).code).toBe("STORE_MISCONFIGURED");
    }
    expect(place.runs).toBe(0);
    expect(await records(db)).toEqual([]);
  });

  test("leaves runs as they are: errors, unkeyed ones, those that are likely duplicates, leased ones without an input", async () => {
    await using db = await open();
    const idempotency = withKeys(db, byA);
    const down = () => Promise.reject(new Error("down"));
    await expect(idempotency.run(request("k"), down)).rejects.toThrow("down");
    await expect(idempotency.runUnkeyed(down)).rejects.toThrow("down");
    expect(await idempotency.runUnkeyed(async () => "no key")).toBe("no key");
    const retry = request("k", { isRetry: true });
    expect(await idempotency.run(retry, async () => "new")).toEqual({ value: "new", replayed: false });
    expect(await idempotency.runLeased(request("l"), async () => 1)).toMatchObject({ replayed: false });
  });

  test("an abandoned run whose key is gone is left alone, with the reason", async () => {
    await using db = await open();
    await leasedWithSecrets(db, { current: "old", keys: { old: B } });
    const idempotency = withKeys(db, byA, { storeInput: true });
    const completer = createCompleter({ idempotency, handlers: { "orders.place": () => expect.fail() } });
    await lapse(db);
    const error = await failureOf(completer.runOnce());
    expect(error.code).toBe("STORE_MISCONFIGURED");
    expect(error.message).toContain("The stored input of orders.place cannot be decrypted");
    expect((await idempotency.list()).records).toMatchObject([{ state: "in_progress", attempt: 1 }]);
  });

  test("check() passes with it, and knows how long a result becomes", async () => {
    await using db = await open();
    expect(await withKeys(db, byA).check()).toEqual([]);
  });

  test("covers a cache of replays", async () => {
    await using db = await open();
    const replayCache = new Keyv({ namespace: "encrypted" });
    const options = { prisma: db.prisma, encryption: byA, replayCache };
    await createIdempotency(options).run(request("k"), async () => SECRET);
    const kept = await expectKept(replayCache);
    expect(kept).not.toContain(SECRET);
    await db.query("DELETE FROM idempotency_record");
    const replayed = await createIdempotency(options).run(request("k"), async () => expect.fail());
    expect(replayed).toEqual({ value: SECRET, replayed: true });
    // Without the key, it is the database that decides.
    const other = await createIdempotency({ prisma: db.prisma, replayCache }).run(
      request("k"),
      async () => "new",
    );
    expect(other).toEqual({ value: "new", replayed: false });
  });
});

/** What the cache has, as soon as it has it: a run does not wait for that. */
async function expectKept(cache: Keyv): Promise<string> {
  const store = cache.store as Map<string, string>;
  await expect.poll(() => store.size).toBe(1);
  return JSON.stringify([...store]);
}
