import { describe, expect, test } from "vitest";
import { openService } from "../../examples/payments/service.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { comparedWith } from "../support/leased-shop.ts";
import { startLeasedShop } from "../support/leased-worker.ts";

const HOUR = 60 * 60 * 1_000;
const LEASE_MS = 6_000;

/** A process on a host whose clock is wrong, and proof that it is. */
async function startSkewed(database: TestDatabase, service: string, by: string, ms: number) {
  const target = { provider: database.provider, url: database.url };
  const run = { leaseMs: LEASE_MS, waitMs: 30_000, transaction: { timeoutMs: LEASE_MS } };
  const clock = new URL("../support/skewed-clock.ts", import.meta.url);
  clock.searchParams.set("ms", String(ms));
  const worker = await startLeasedShop({ by, target, service, run }, [clock]);
  worker.send({ type: "clock" });
  const { now, date } = await worker.waitFor("time");
  for (const time of [now, Date.parse(date)]) {
    expect(Math.abs(time - Date.now() - ms)).toBeLessThan(HOUR / 60);
  }
  return worker;
}

describe.concurrent.each(databases)("two processes on $name whose clocks are two hours apart", ({ open }) => {
  test.for([
    { holder: "behind", skew: -HOUR },
    { holder: "ahead", skew: HOUR },
  ])(
    "the holder $holder: it is taken over when its lease has run out on the database's clock, not before",
    async ({ skew }, { expect }) => {
      await using database = await open();
      await using service = await openService();
      const starting = startSkewed(database, service.url, "holder", skew);
      await using other = await startSkewed(database, service.url, "other", -skew);
      await using holder = await starting;
      holder.send({ type: "place", key: "k", stopAt: "after the call of charge" });
      await holder.waitFor("at");
      other.send({ type: "complete", options: { pollMs: 50 } });
      other.send({ type: "place", key: "k" });
      const leases = () => database.query("SELECT attempt, locked_until FROM idempotency_record");
      const [first] = await leases();
      // For longer than a lease: whoever went by a clock of his own would have taken it over by then.
      for (let renewals = 0, last = first; renewals < 4; renewals += 1) {
        const lease = async () => (await leases())[0];
        await eventually(async () => expect(await lease()).not.toEqual(last), 20);
        [last] = await leases();
        expect(Number(last?.["attempt"])).toBe(1);
      }
      const [held] = await leases();
      await holder.kill();
      const { answer } = await other.waitFor("answer");
      expect(answer).toMatchObject({ by: "other" });
      const [record] = await database.query(
        "SELECT attempt, created_at, completed_at, expires_at FROM idempotency_record",
      );
      const timeOf = (value: unknown) => new Date(value as string | Date).getTime();
      expect(timeOf(record?.["completed_at"])).toBeGreaterThan(timeOf(held?.["locked_until"]));
      const at = (column: string) => timeOf(record?.[column]) - Date.now();
      expect(Number(record?.["attempt"])).toBe(2);
      expect([at("created_at"), at("completed_at")].every((ms) => Math.abs(ms) < HOUR / 60)).toBe(true);
      expect(Math.abs(at("expires_at") - 24 * HOUR)).toBeLessThan(HOUR / 60);
      const { found, expected } = await comparedWith(database, service, [answer]);
      expect(found).toEqual(expected);
    },
  );
});
