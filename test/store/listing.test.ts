/** Lists of records, counts of them, and the state of the tables. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { describe, expect, test, vi } from "vitest";
import type { ListOptions, RecordPage } from "../../src/core/contract/upkeep/listing.ts";
import { lapse } from "../leases/helpers.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { door, expire, failureOf, idempotencyOf, placing, request } from "../support/runs.ts";

interface Listing {
  list(options?: ListOptions): Promise<RecordPage>;
}

/** Reads a list to its end. */
async function pagesOf(from: Listing, options: ListOptions = {}) {
  const pages: string[][] = [];
  let after: string | undefined;
  do {
    const page = await from.list({ ...options, ...(after === undefined ? {} : { after }) });
    pages.push(page.records.map(({ key }) => key));
    after = page.next;
  } while (after !== undefined);
  return pages;
}

const keysOf = async (from: Listing, options: ListOptions = {}) => (await pagesOf(from, options)).flat();

/** Copies the record of the key "first" that often, with keys "k00000" and so on, which expire ten at a time. */
async function multiply(db: TestDatabase, count: number) {
  const { text, plus } = WORDS[db.provider];
  const digits = `(${Array.from({ length: 10 }, (_, digit) => `SELECT ${digit} AS n`).join(" UNION ALL ")})`;
  const number = `(SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n AS n FROM ${digits} AS a, ${digits} AS b, ${digits} AS c, ${digits} AS d, ${digits} AS e) AS numbers`;
  await db.query(`INSERT INTO idempotency_record
  (id, scope, operation, key, fingerprint, status, owner, attempt, response, created_at, completed_at, expires_at)
SELECT ${text("numbers.n", 43)}, scope, operation, ${text("numbers.n", 5, "k")}, fingerprint, status, owner, attempt, response, created_at, completed_at,
  ${plus("expires_at", "numbers.n / 10")}
FROM idempotency_record, ${number} WHERE key = 'first' AND numbers.n < ${count}`);
}

const padded = (n: string, length: number, before: string) =>
  `CONCAT('${before}', LPAD(CONCAT(${n}, ''), ${length}, '0'))`;
const WORDS = {
  sqlite: {
    text: (n: string, length: number, before = "") => `printf('${before}%0${length}d', ${n})`,
    plus: (time: string, ms: string) =>
      `strftime('%Y-%m-%dT%H:%M:%f+00:00', ${time}, '+' || (${ms} / 1000.0) || ' seconds')`,
  },
  postgresql: {
    text: (n: string, length: number, before = "") => padded(n, length, before),
    plus: (time: string, ms: string) => `${time} + (${ms}) * interval '1 ms'`,
  },
  mariadb: {
    text: (n: string, length: number, before = "") => padded(n, length, before),
    plus: (time: string, ms: string) => `${time} + INTERVAL ((${ms}) * 1000) MICROSECOND`,
  },
};

/** How the database would execute a statement, with a value for each parameter that stands for a place. */
async function planOf(db: TestDatabase, text: string): Promise<string> {
  const [time, id] = [new Date().toISOString().replace("Z", "+00:00"), "A".repeat(43)];
  const count = (text.match(/\$\d+|\?\d*/g) ?? []).length;
  const values = Array.from({ length: count }, (_, n) => (n % 3 === 2 ? id : time));
  const explain = { sqlite: "EXPLAIN QUERY PLAN", postgresql: "EXPLAIN", mariadb: "EXPLAIN" }[db.provider];
  return JSON.stringify(await db.query(`${explain} ${text}`, values));
}

const keys = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => `k${String(from + n).padStart(5, "0")}`);

describe.each(databases)("a list on $name", ({ open }) => {
  test("of nothing is empty", async () => {
    await using db = await open();
    expect(await idempotencyOf(db.prisma).list()).toEqual({ records: [], next: undefined });
  });

  test("has the facts of each record, and none of its values", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    await idempotency.run(request("k"), placing("k"));
    const { answer, input, steps, ...facts } = (await idempotency.inspect({
      ...request("k"),
    })) as object as Record<string, unknown>;
    expect([answer, input, steps]).toEqual([{ isReadable: true, value: expect.anything() }, undefined, []]);
    expect(await idempotency.list()).toEqual({ records: [facts], next: undefined });
    const { id } = facts as { id: string };
    expect(await idempotency.inspect({ id })).toMatchObject(facts);
    expect(await idempotency.forget({ id })).toBe("forgotten");
    expect(await idempotency.inspect({ id })).toEqual({ state: "unknown", id });
  });

  test("is read page by page, each record once, also where many expire in one millisecond", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { outageMs: 0 });
    await idempotency.run(request("first"), placing("first"));
    await multiply(db, 95);
    await db.query("DELETE FROM idempotency_record WHERE key = 'first'");
    const pages = await pagesOf(idempotency, { limit: 7 });
    expect(pages.flat()).toEqual(keys(0, 95).toReversed());
    expect(new Set(pages.slice(0, -1).map(({ length }) => length))).toEqual(new Set([7]));
    // A full last page cannot know that it is the last.
    expect(await pagesOf(idempotency, { limit: 95 })).toEqual([keys(0, 95).toReversed(), []]);
    expect((await idempotency.list()).records).toHaveLength(50);
  });

  test("finds by operation, scope, key, state and time, and by all of them", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const place = (key: string, more: object) => idempotency.run(request(key, more), async () => key);
    await place("a", {});
    await place("b", { scope: "v" });
    await place("c", { operation: "orders.cancel" });
    await place("a", { scope: "v", operation: "orders.cancel" });
    const failing = idempotencyOf(db.prisma, { storeError: () => true });
    await failing.run(request("f"), () => Promise.reject(new Error("no"))).catch(() => {});
    const sorted = async (options: ListOptions) => (await keysOf(idempotency, options)).toSorted();
    expect(await sorted({})).toEqual(["a", "a", "b", "c", "f"]);
    expect(await sorted({ operation: "orders.place" })).toEqual(["a", "b", "f"]);
    expect(await sorted({ scope: "v" })).toEqual(["a", "b"]);
    expect(await sorted({ scope: ["u", "v"] })).toEqual(["a", "a", "b", "c", "f"]);
    expect(await sorted({ scope: [] })).toEqual([]);
    expect(await sorted({ key: "a" })).toEqual(["a", "a"]);
    expect(await sorted({ state: "failed" })).toEqual(["f"]);
    expect(await sorted({ state: "in_progress" })).toEqual([]);
    expect(await sorted({ key: "a", scope: "v", operation: "orders.cancel", state: "completed" })).toEqual([
      "a",
    ]);
    expect(await sorted({ key: "a", scope: "v", operation: "orders.cancel", state: "failed" })).toEqual([]);
    expect(await sorted({ key: "A" })).toEqual([]);
    expect(await sorted({ key: "a " })).toEqual([]);
    expect(await sorted({ scope: "' OR 1 = 1 --" })).toEqual([]);
    const { now } = await idempotency.stats();
    const [before, after] = [-60_000, 60_000].map((ms) => new Date(now.getTime() + ms)) as [Date, Date];
    expect(await sorted({ claimedFrom: before, claimedBefore: after, key: "b" })).toEqual(["b"]);
    expect(await sorted({ claimedFrom: after })).toEqual([]);
    expect(await sorted({ claimedBefore: before })).toEqual([]);
    const [{ claimedAt } = expect.fail()] = (await idempotency.list({ key: "b" })).records;
    expect(await sorted({ key: "b", claimedFrom: claimedAt })).toEqual(["b"]);
    expect(await sorted({ key: "b", claimedBefore: claimedAt })).toEqual([]);
  });

  test("searches through more records than one statement reads, to the end", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    await idempotency.run(request("first"), placing("first"));
    await multiply(db, 45_000);
    const change = (key: string, to: string) =>
      db.query(`UPDATE idempotency_record SET scope = 'rare', operation = '${to}' WHERE key = '${key}'`);
    await change("k00000", "one");
    await change("k19999", "two");
    await change("k20000", "three");
    await change("k44999", "four");
    expect(await keysOf(idempotency, { scope: "rare" })).toEqual(["k44999", "k20000", "k19999", "k00000"]);
    expect(await pagesOf(idempotency, { scope: "rare", limit: 2 })).toEqual([
      ["k44999", "k20000"],
      ["k19999", "k00000"],
      [],
    ]);
    expect(await keysOf(idempotency, { operation: "one" })).toEqual(["k00000"]);
    expect(await keysOf(idempotency, { operation: "none" })).toEqual([]);
    expect(await idempotency.countByOperation()).toEqual([
      { operation: "four", inProgress: 0, completed: 1, failed: 0 },
      { operation: "one", inProgress: 0, completed: 1, failed: 0 },
      { operation: "orders.place", inProgress: 0, completed: 44_997, failed: 0 },
      { operation: "three", inProgress: 0, completed: 1, failed: 0 },
      { operation: "two", inProgress: 0, completed: 1, failed: 0 },
    ]);
  });

  test("whose search runs out of time goes on where it was, and names no record that it passed over", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    await idempotency.run(request("first"), placing("first"));
    await multiply(db, 45_000);
    await db.query(
      "UPDATE idempotency_record SET scope = 'rare' WHERE key IN ('k00000', 'k20000', 'k44999')",
    );
    // Each look at the clock is three seconds later.
    let now = performance.now();
    const clock = vi.spyOn(performance, "now").mockImplementation(() => (now += 3_000));
    try {
      const pages: string[][] = [];
      let after: string | undefined;
      do {
        const page = await idempotency.list({ scope: "rare", ...(after === undefined ? {} : { after }) });
        pages.push(page.records.map(({ key }) => key));
        after = page.next;
        if (after !== undefined) {
          const [, id] = Buffer.from(after, "base64url").toString().split(" ");
          expect(await idempotency.inspect({ id: id ?? "" })).toMatchObject({ state: "unknown" });
        }
      } while (after !== undefined);
      expect(pages.flat()).toEqual(["k44999", "k20000", "k00000"]);
      expect(pages.length).toBeGreaterThan(2);
    } finally {
      clock.mockRestore();
    }
  });

  test("is read by an index, whatever is asked for, and never by sorting the table", async () => {
    await using db = await open();
    const statements: string[] = [];
    const logged = idempotencyOf(await db.connect({ log: (text) => statements.push(text) }));
    await idempotencyOf(db.prisma).run(request("first"), placing("first"));
    await multiply(db, 5_000);
    if (db.provider === "postgresql") await db.query("ANALYZE idempotency_record");
    await logged.list();
    await logged.list({ limit: 2, after: (await logged.list({ limit: 2 })).next ?? expect.fail() });
    await logged.list({ state: "in_progress" });
    // Others may sort a table that is shorter than a stretch.
    if (db.provider === "sqlite") await logged.list({ key: "k00007" });
    const lists = statements.filter((text) => text.includes("ORDER BY"));
    expect(lists).toHaveLength(db.provider === "sqlite" ? 6 : 4);
    for (const text of lists) {
      const plan = await planOf(db, text);
      expect(plan).toMatch(/idempotency_record_(expires_at|locked_until)_idx/);
      expect(plan).not.toMatch(
        /Seq Scan on|SCAN idempotency_record(?! USING)|"table":"idempotency_record","type":"ALL"/,
      );
    }
  });

  test.each([
    [{ limit: 0 }, "option limit is of type number (0); give an integer from 1 to 1000"],
    [{ limit: 1_001 }, "option limit"],
    [{ state: "done" }, 'option state is of type string ("done"); give "in_progress" or "abandoned"'],
    [{ claimedFrom: "yesterday" }, "option claimedFrom"],
    [{ claimedBefore: new Date(Number.NaN) }, "option claimedBefore is of type object; give a Date of"],
    [{ operation: "" }, "operation is a string of 0 characters"],
    [{ scope: {} }, "The scope"],
    [{ key: "ä" }, "printable ASCII"],
    [{ after: "x" }, "option after"],
    [{ after: 7 }, "option after"],
    [{ id: "short" }, "option id"],
    [
      { scope: Array.from({ length: 1_001 }, String) },
      "option scope is of type array; give at most 1000 scopes",
    ],
    [
      { claimedFrom: new Date(-1) },
      "option claimedFrom is of type object; give a Date of the years 1970 to 9999",
    ],
    [{ after: Buffer.from(`2026-02-31T00:00:00 ${"A".repeat(43)}`).toString("base64url") }, "option after"],
    [{ after: Buffer.from(`2026-02-03T00:00:00' ${"A".repeat(43)}`).toString("base64url") }, "option after"],
    [{ state: undefined, page: 2 }, "there is no option page"],
  ])("refuses %j", async (options, message) => {
    await using db = await open();
    await expect(idempotencyOf(db.prisma).list(options as ListOptions)).rejects.toThrow(message);
  });

  test.each([null, "k", undefined])("refuses to inspect and to forget %j", async (name) => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const message = /the options are of type \w+; give an object with operation \(required\)/;
    await expect(idempotency.inspect(name as never)).rejects.toThrow(message);
    await expect(idempotency.forget(name as never)).rejects.toThrow(message);
  });

  test.each(["", "short", "x".repeat(44), `${"x".repeat(42)}/`, 7])("refuses the id %j", async (id) => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const name = { id } as { id: string };
    await expect(idempotency.inspect(name)).rejects.toThrow("option id is of type");
    await expect(idempotency.forget(name)).rejects.toThrow("option id is of type");
    await expect(idempotency.inspect({ ...name, key: "k" } as never)).rejects.toThrow("no option key");
  });
});

describe.each(databases)("the state of the tables on $name", ({ open }) => {
  test("counts what is in progress, abandoned and expired", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const before = Date.now() - 1_000;
    const empty = await idempotency.stats();
    expect(empty).toMatchObject({ inProgress: 0, abandoned: 0, expired: 0, oldestExpiredAt: undefined });
    expect(Math.abs(empty.now.getTime() - before)).toBeLessThan(600_000);
    expect(empty.bytes === undefined).toBe(db.provider === "sqlite");

    await idempotency.run(request("done"), placing("done"));
    expect(await idempotency.stats()).toMatchObject({ expired: 0, oldestExpiredAt: undefined });
    const { wait, arrived, open: leave } = door();
    const run = idempotency.runLeased(request("leased"), async () => {
      await wait();
      throw new Error("down");
    });
    await arrived;
    expect(await idempotency.stats()).toMatchObject({ inProgress: 1, abandoned: 0, expired: 0 });
    expect(await keysOf(idempotency, { state: "in_progress" })).toEqual(["leased"]);
    expect(await keysOf(idempotency, { state: "abandoned" })).toEqual([]);
    await lapse(db);
    expect(await keysOf(idempotency, { state: "abandoned" })).toEqual(["leased"]);
    expect(await keysOf(idempotency, { state: "abandoned", scope: "v" })).toEqual([]);
    expect(await idempotency.stats()).toMatchObject({ inProgress: 1, abandoned: 1 });
    leave();
    await run.catch(() => {});
    // Its lease was given back, if it had not lost it.
    expect(await idempotency.stats()).toMatchObject({ inProgress: 1, abandoned: 1 });
    expect(await idempotency.countByOperation()).toEqual([
      { operation: "orders.place", inProgress: 1, completed: 1, failed: 0 },
    ]);

    await expire(db, "done");
    const { expired, oldestExpiredAt, bytes, now } = await idempotency.stats();
    expect(expired).toBe(1);
    const [record] = (await idempotency.list({ key: "done" })).records;
    expect(oldestExpiredAt).toEqual(record?.expiresAt);
    expect(record?.isExpired).toBe(true);
    if (db.provider !== "sqlite") {
      expect(bytes).toBeGreaterThanOrEqual(16_384);
    }
    expect(await idempotency.countByOperation({ since: new Date(now.getTime() + 60_000) })).toEqual([]);
    expect(await idempotency.countByOperation({ since: new Date(0) })).toHaveLength(1);
    await expect(idempotency.countByOperation({ since: 0 as unknown as Date })).rejects.toThrow(
      "option since",
    );
    await expect(idempotency.countByOperation({ from: new Date() } as never)).rejects.toThrow(
      "no option from",
    );
  });

  test("tells when nobody has pruned for a day", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    await idempotency.run(request("k"), placing("k"));
    const told: unknown[] = [];
    const listen = (message: unknown) => told.push(message);
    subscribe("onceonly:unpruned", listen);
    try {
      await expire(db);
      await idempotency.stats();
      expect(told).toEqual([]);
      const ago = {
        sqlite: "datetime(expires_at, '-2 days') || '.000+00:00'",
        postgresql: "expires_at - interval '2 days'",
        mariadb: "expires_at - INTERVAL 2 DAY",
      };
      const iso = db.provider === "sqlite" ? `replace(${ago.sqlite}, ' ', 'T')` : ago[db.provider];
      await db.query(`UPDATE idempotency_record SET expires_at = ${iso}`);
      const { oldestExpiredAt } = await idempotency.stats();
      expect(told).toEqual([{ expired: 1, oldestExpiredAt }]);
    } finally {
      unsubscribe("onceonly:unpruned", listen);
    }
  });

  test("leaves out of a day's count what was claimed before", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    await idempotency.run(request("k"), placing("k"));
    const { now } = await idempotency.stats();
    const at = new Date(now.getTime() - 86_400_000 - 60_000).toISOString().replace("Z", "+00:00");
    await db.query(`UPDATE idempotency_record SET created_at = ${db.placeholder(1)}`, [
      db.provider === "mariadb" ? at.replace("+00:00", "") : at,
    ]);
    expect(await idempotency.countByOperation()).toEqual([]);
    expect(
      await idempotency.countByOperation({ since: new Date(now.getTime() - 86_400_000 * 2) }),
    ).toHaveLength(1);
  });

  test("without the tables is a wrong set-up", async () => {
    await using db = await open();
    await db.query("DROP TABLE idempotency_step");
    await db.query("DROP TABLE idempotency_record");
    const idempotency = idempotencyOf(db.prisma, { outageMs: 0 });
    const readings = [
      () => idempotency.list(),
      () => idempotency.list({ key: "k" }),
      () => idempotency.stats(),
      () => idempotency.countByOperation(),
    ];
    for (const read of readings) {
      expect((await failureOf(read())).code).toBe("STORE_MISCONFIGURED");
    }
  });
});
