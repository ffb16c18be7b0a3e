/** The record's table in parts, as people do where it grows large. Rows of different parts stand at the same place (`ctid`). */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { onPostgres, openPostgres } from "../support/database.ts";
import { idempotencyOf, placing, request } from "../support/runs.ts";

const PARTS = 4;

const guide = readFileSync(new URL("../../docs/guides/database.md", import.meta.url), "utf8");

/** The statements that the guide prints, with the parts that it leaves to the reader. */
function statements(): string[] {
  const printed =
    /```sql\n(ALTER TABLE idempotency_record RENAME [^`]+)```/.exec(guide)?.[1] ?? expect.fail();
  const first = /^CREATE TABLE idempotency_record_0 .*$/m.exec(printed)?.[0] ?? expect.fail();
  const further = Array.from({ length: PARTS - 1 }, (_, index) =>
    first.replace("record_0", `record_${index + 1}`).replace("REMAINDER 0", `REMAINDER ${index + 1}`),
  );
  return printed
    .replace(/^--.*$/m, further.join("\n"))
    .split(";")
    .filter((statement) => statement.trim() !== "");
}

/** A table in use, moved into parts. */
async function openPartitioned() {
  const db = await openPostgres();
  await idempotencyOf(db.prisma).run(request("before"), placing("before"));
  for (const statement of statements()) await db.query(statement);
  expect(await idempotencyOf(db.prisma).run(request("before"), placing("before"))).toMatchObject({
    replayed: true,
  });
  await db.query("DELETE FROM idempotency_record");
  return db;
}

it.runIf(onPostgres)(
  "a table in hash partitions keeps the promise, and prune leaves every live record",
  async () => {
    await using db = await openPartitioned();
    const idempotency = idempotencyOf(db.prisma);
    expect(await idempotency.check()).toEqual([]);
    const keys = Array.from({ length: 60 }, (_, index) => `k${index}`);
    for (const key of keys) await idempotency.run(request(key), placing(key));
    const used = await db.query("SELECT DISTINCT tableoid FROM idempotency_record");
    expect(used).toHaveLength(PARTS);
    // Of some parts all, so that every place of theirs is one of a live row elsewhere.
    await db.query("UPDATE idempotency_record_0 SET expires_at = now() - interval '1 hour'");
    const [expired] = await db.query("SELECT count(*)::int AS n FROM idempotency_record_0");
    expect(await idempotency.prune()).toBe(expired?.["n"]);
    const [left] = await db.query("SELECT count(*)::int AS n FROM idempotency_record");
    expect(left?.["n"]).toBe(keys.length - Number(expired?.["n"]));
    const again = idempotencyOf(db.prisma);
    const replays = await Promise.all(
      keys.map(async (key) => (await again.run(request(key), async () => "anew")).replayed),
    );
    expect(replays.filter(Boolean)).toHaveLength(Number(left?.["n"]));
    const leased = () => again.runLeased(request("leased"), ({ step }) => step("once", () => 1));
    expect([(await leased()).replayed, (await leased()).replayed]).toEqual([false, true]);
  },
);
