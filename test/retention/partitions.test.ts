/** The record's table in parts, as people do where it grows large. Rows of different parts stand at the same place (`ctid`). */
import { expect, it } from "vitest";
import { onPostgres, openPostgres } from "../support/database.ts";
import { idempotencyOf, placing, request } from "../support/runs.ts";

const PARTS = 4;

/** As in docs/guides/database.md. */
async function openPartitioned() {
  const db = await openPostgres();
  await db.query("ALTER TABLE idempotency_record RENAME TO whole");
  await db.query("CREATE TABLE idempotency_record (LIKE whole INCLUDING ALL) PARTITION BY HASH (id)");
  for (let part = 0; part < PARTS; part += 1) {
    await db.query(
      `CREATE TABLE idempotency_record_${part} PARTITION OF idempotency_record FOR VALUES WITH (MODULUS ${PARTS}, REMAINDER ${part})`,
    );
  }
  await db.query("DROP TABLE whole");
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
