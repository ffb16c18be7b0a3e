/** Pruning that runs by itself: in rounds, on any number of hosts, and never in anybody's way. */
import { afterEach, describe, expect, test } from "vitest";
import { databases, type TestDatabase } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import {
  expire,
  idempotencyOf,
  placing,
  records,
  request,
  underWay,
  warningsDuring,
} from "../support/runs.ts";

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

function started(idempotency: ReturnType<typeof idempotencyOf>, options = {}) {
  const pruning = idempotency.startPruning({ everyMs: 20, ...options });
  stops.push(() => pruning.stop());
  return pruning;
}

/** Lets steps be two hours old. */
async function age(db: TestDatabase, where: string): Promise<void> {
  const old = {
    sqlite: "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '-2 hours')",
    mariadb: "UTC_TIMESTAMP(3) - INTERVAL 2 HOUR",
    postgresql: "now() - interval '2 hours'",
  };
  await db.query(`UPDATE idempotency_step SET created_at = ${old[db.provider]} WHERE ${where}`);
}

describe.each(databases)("$name", ({ open }) => {
  test("deletes what has expired, and keeps the rest", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    for (const key of ["a", "b", "c"]) await idempotency.run(request(key), placing(key));
    await expire(db, "a");
    started(idempotency, { batchSize: 1, dutyCycle: 1 });
    await eventually(async () => expect(await records(db)).toHaveLength(2));
    await expire(db, "b");
    await eventually(async () => expect(await records(db)).toMatchObject([{ key: "c" }]));
  });

  test("several at once share the work, and none fails", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    for (let n = 0; n < 30; n += 1) await idempotency.run(request(`k${n}`), async () => n);
    await expire(db);
    const warnings = await warningsDuring(async () => {
      for (let n = 0; n < 4; n += 1) started(idempotency, { batchSize: 2 });
      await eventually(async () => expect(await records(db)).toHaveLength(0));
      await Promise.all(stops.splice(0).map((stop) => stop()));
    });
    expect(warnings.filter(({ name }) => name === "OnceonlyPruningWarning")).toEqual([]);
  });

  test("deletes steps whose record was deleted by hand, and those of nobody else", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const stepping = (key: string) =>
      idempotency.runLeased(request(key), async ({ step }) => {
        await step("one", () => 1);
        return step("two", () => 2);
      });
    await stepping("gone");
    await stepping("kept");
    await db.query(
      "DELETE FROM idempotency_record WHERE key = 'gone'".replace(
        "key",
        db.provider === "mariadb" ? "`key`" : "key",
      ),
    );
    // None that is young: its record may have been claimed anew meanwhile.
    await age(db, "name <> 'two'");
    started(idempotency, { batchSize: 1 });
    const steps = () => db.query("SELECT record_id, name FROM idempotency_step ORDER BY name");
    await eventually(async () => expect(await steps()).toHaveLength(3));
    const [{ id }] = (await records(db)) as [{ id: string }];
    expect(await steps()).toEqual(
      expect.arrayContaining([
        { record_id: id, name: "one" },
        { record_id: id, name: "two" },
      ]),
    );
  });

  test("a round that fails is a warning, and the next one deletes", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    await idempotency.run(request("k"), placing("k"));
    await expire(db);
    await db.query("ALTER TABLE idempotency_record RENAME TO elsewhere");
    const warnings = await warningsDuring(async () => {
      started(idempotency);
      await new Promise<void>((resolve) => process.once("warning", () => resolve()));
    });
    expect(warnings[0]).toMatchObject({ name: "OnceonlyPruningWarning" });
    await db.query("ALTER TABLE elsewhere RENAME TO idempotency_record");
    await eventually(async () => expect(await records(db)).toHaveLength(0));
  });

  test("stop() ends it, after the batch under way", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    await idempotency.run(request("k"), placing("k"));
    const pruning = started(idempotency);
    await pruning.stop();
    await expire(db);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await records(db)).toHaveLength(1);
  });
});

// SQLite has one writer at a time.
describe.each(databases.filter(({ name }) => name !== "sqlite"))("a sweep on $name", ({ open }) => {
  test("waits for no run under way, and keeps no fresh key out", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    for (let n = 0; n < 20; n += 1) {
      await idempotency.runLeased(request(`old${n}`), async ({ step }) => step("one", () => n));
    }
    await age(db, "name = 'one'");
    await db.query("DELETE FROM idempotency_record WHERE attempt = 1 AND status = 'completed' AND id < 'M'");
    const { first, openDoor } = await underWay(idempotency);
    const other = idempotencyOf(await db.connect());
    const warnings = await warningsDuring(async () => {
      const pruning = started(other);
      await new Promise((resolve) => setTimeout(resolve, 100));
      // Its round ends while the run stands at its door.
      await pruning.stop();
    });
    expect(warnings).toEqual([]);
    const fresh = Array.from({ length: 8 }, (_, n) =>
      idempotencyOf(db.prisma).run(request(`fresh${n}`), async () => n),
    );
    expect((await Promise.all(fresh)).every(({ replayed }) => !replayed)).toBe(true);
    openDoor();
    expect((await first).replayed).toBe(false);
  });
});

test.each([
  [{ everyMs: 0 }, "everyMs is of type number (0)"],
  [{ budgetMs: "1s" }, 'budgetMs is of type string ("1s")'],
  [{ dutyCycle: 2 }, "dutyCycle is of type number (2)"],
  [{ batchSize: 1.5 }, "batchSize is of type number (1.5)"],
  [{ every: 5 }, "did you mean everyMs?"],
])("%j is refused by name", async (options, words) => {
  await using db = await databases[0]!.open();
  expect(() => idempotencyOf(db.prisma).startPruning(options as never)).toThrow(words);
});
