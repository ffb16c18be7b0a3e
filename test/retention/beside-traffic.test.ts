/** Pruners among themselves, and beside requests: what waits for what is seen in the database. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { onPostgres, openPostgres, type TestDatabase } from "../support/database.ts";
import { idempotencyOf, placing, request } from "../support/runs.ts";
import { scaled } from "../support/scale.ts";

const EXPIRED = scaled({ short: 30_000, long: 1_000_000 });
const KEYS_REUSED = 200;

/** Expired records with the keys `old1` and so on, made of the finished one of the key `sample`. */
async function fill(db: TestDatabase) {
  await idempotencyOf(db.prisma).run(request("sample"), async () => "old");
  // The ids of keys that are used again must be those of their names.
  await Promise.all(
    Array.from({ length: KEYS_REUSED }, (_, n) =>
      idempotencyOf(db.prisma).run(request(`reused${n}`), async () => "old"),
    ),
  );
  await db.query(`INSERT INTO idempotency_record
  (id, scope, operation, key, fingerprint, status, owner, attempt, response, created_at, completed_at, expires_at)
SELECT 'old' || n, scope, operation, 'old' || n, fingerprint, status, owner, attempt, response, created_at, completed_at, expires_at
FROM idempotency_record, generate_series(1, ${EXPIRED}) AS n WHERE key = 'sample'`);
  await db.query(
    "UPDATE idempotency_record SET expires_at = now() - interval '1 hour' + random() * interval '1 minute'",
  );
}

const WAITS = `SELECT waiting.query AS waiting, blocking.query AS blocking
FROM pg_stat_activity AS waiting, unnest(pg_blocking_pids(waiting.pid)) AS by (pid)
JOIN pg_stat_activity AS blocking ON blocking.pid = by.pid
WHERE waiting.datname = current_database()`;
const isPruning = (query: unknown) => String(query).includes("WITH doomed");

describe.runIf(onPostgres)("pruning on postgresql, under traffic", () => {
  test("pruners never wait for each other, nor for a request, and each expired record is deleted once", async () => {
    await using db = await openPostgres();
    await fill(db);
    const pruners = await Promise.all([1, 2, 3].map(async () => idempotencyOf(await db.connect({ max: 1 }))));
    const server = idempotencyOf(await db.connect({ max: 8 }));
    const waits: Record<string, unknown>[] = [];
    const over = new AbortController();
    const watching = (async () => {
      while (!over.signal.aborted) {
        waits.push(...(await db.query(WAITS)));
        await sleep(1);
      }
    })();
    const pruning = Promise.all(pruners.map((each) => each.prune({ dutyCycle: 1 })));
    let fresh = 0;
    const calling = (async () => {
      for (; !over.signal.aborted || fresh < KEYS_REUSED; fresh += 4) {
        await Promise.all(
          [0, 1, 2, 3].map((n) =>
            server.run(request(`reused${(fresh + n) % KEYS_REUSED}`), placing("again")),
          ),
        );
        await Promise.all([0, 1].map((n) => server.run(request(`fresh${fresh + n}`), async () => n)));
      }
    })();
    const deleted = (await pruning).reduce((sum, each) => sum + each, 0);
    over.abort();
    await Promise.all([calling, watching]);

    expect(waits.filter(({ waiting }) => isPruning(waiting))).toEqual([]);
    // A claim that takes over an expired record may find it being deleted, and waits for the batch.
    const ofFresh = waits.filter(({ blocking }) => isPruning(blocking)).map(({ waiting }) => String(waiting));
    expect(ofFresh.filter((query) => query.includes("fresh"))).toEqual([]);
    const [left] = await db.query(
      "SELECT count(*)::int AS n FROM idempotency_record WHERE key LIKE 'old%' OR expires_at <= now()",
    );
    expect(left).toEqual({ n: 0 });
    expect(deleted).toBeGreaterThanOrEqual(EXPIRED + 1);
    expect(deleted).toBeLessThanOrEqual(EXPIRED + 1 + KEYS_REUSED);
    // Each key that was used again was executed once.
    expect(await db.countOrders({ key: "again" })).toBe(KEYS_REUSED);
  });
});
