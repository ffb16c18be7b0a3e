import { describe, expect, test } from "vitest";
import { resolveOptions } from "../../src/core/contract/options/options.ts";
import { prepareLeasedRun } from "../../src/core/lease/prepare-leased-run.ts";
import { claimParams } from "../../src/core/run/claim-params.ts";
import { createIdempotency } from "../../src/index.ts";
import { createPrismaStore } from "../../src/prisma/create-store.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { lapse } from "../support/leased-shop.ts";
import { scaled } from "../support/scale.ts";
import { spawnWorker, type Worker } from "../support/worker.ts";
import type { CompleterProcessData, FromCompleter } from "./completer-process.ts";
import { count } from "./counting.ts";

const requestOf = (key: string) => ({ operation: "count", scope: "u", key, input: { key } });

/** What processes leave that die right after their claim; every second one after its first step. */
async function abandon(database: TestDatabase, keys: readonly string[]): Promise<void> {
  const { leases } = createPrismaStore({ prisma: database.prisma });
  const options = resolveOptions({ storeInput: true });
  for (const [index, key] of keys.entries()) {
    const run = await prepareLeasedRun(requestOf(key), options, options.codec);
    const claim = claimParams(run, options.leaseMs);
    expect(await leases.claim(claim)).toEqual({ state: "claimed", attempt: 1 });
    if (index % 2 === 1) {
      await leases.recordStep({
        id: run.id,
        owner: claim.owner,
        name: "first",
        response: 'devalue:["before"]',
      });
    }
  }
  await lapse(database);
}

async function listen(worker: Worker<FromCompleter, never>, errors: string[]): Promise<void> {
  try {
    for (;;) errors.push((await worker.waitFor("error")).error);
  } catch {
    // It has ended.
  }
}

describe.each(databases)("abandoned runs on $name", ({ name, open }) => {
  // One write at a time in one file, and each of them is synchronised to the disk: 300 of them take long enough.
  const COUNT = scaled({ short: 30, long: name === "sqlite" ? 300 : 1_000 });

  test(`two completers and live retries bring ${COUNT} of them to their end, each executed once`, async () => {
    await using database = await open({ busyTimeoutMs: 10_000 });
    const keys = Array.from({ length: COUNT }, (_, index) => `k${index}`);
    await abandon(database, keys);
    const began = performance.now();
    const start = (by: string) => {
      const data: CompleterProcessData = { target: { provider: name, url: database.url }, by };
      return spawnWorker<FromCompleter>(new URL("completer-process.ts", import.meta.url), data);
    };
    await using one = start("one");
    await using two = start("two");
    await Promise.all([one.waitFor("ready"), two.waitFor("ready")]);
    const errors: string[] = [];
    for (const worker of [one, two]) void listen(worker, errors);
    // Clients retry a third of the keys, from the other end, while the completers are at work.
    const idempotency = createIdempotency({ prisma: database.prisma, storeInput: true, waitMs: 120_000 });
    const retried = keys.filter((_, index) => index % 3 === 0).toReversed();
    const lane = async () => {
      for (let key = retried.shift(); key !== undefined; key = retried.shift()) {
        const { value } = await idempotency.runLeased(requestOf(key), (context) =>
          count(context, database.prisma, key as string, "client"),
        );
        expect(value.key).toBe(key);
      }
    };
    await Promise.all(Array.from({ length: 4 }, lane));
    const left = () => database.query("SELECT key FROM idempotency_record WHERE status <> 'completed'");
    await expect.poll(left).toEqual([]);
    expect(errors).toEqual([]);
    const took = Math.round(performance.now() - began);

    const executions = await database.query(
      `SELECT key, item AS what, customer AS "by" FROM "Order" ORDER BY key`,
    );
    const of = (what: string) => executions.filter((row) => row["what"] === what);
    expect(of("execution").map(({ key }) => key)).toEqual([...keys].sort());
    expect(of("row").map(({ key }) => key)).toEqual([...keys].sort());
    expect(of("first").length).toBe(COUNT / 2);
    const shares = Object.fromEntries(
      ["one", "two", "client"].map((by) => [by, of("execution").filter((row) => row["by"] === by).length]),
    );
    console.log(`${name}: ${COUNT} abandoned runs in ${took} ms by ${JSON.stringify(shares)}`);
    expect(Math.min(...Object.values(shares))).toBeGreaterThan(0);
    const [attempts] = await database.query("SELECT max(attempt) AS most FROM idempotency_record");
    expect(Number(attempts?.["most"])).toBe(2);
  });

  test("are given back by what resumes them without beginning a leased run, which is told so", async () => {
    await using database = await open();
    await abandon(database, ["k"]);
    const idempotency = createIdempotency({ prisma: database.prisma, storeInput: true });
    const run = await idempotency.abandoned.claim(["count"]);
    const { signal } = new AbortController();
    await expect(
      idempotency.abandoned.resume(run as never, async () => "nothing", { signal, retryDelayMs: 0 }),
    ).rejects.toThrow(
      "onceonly: count was not resumed: no leased run of its key, scope and operation was begun.",
    );
    const { replayed } = await idempotency.runLeased(requestOf("k"), async () => "done");
    expect(replayed).toBe(false);
  });
});
