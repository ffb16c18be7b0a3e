/** Sessions of whatever time zone agree on when a lease lapses and a record expires. */
import { describe, expect, it } from "vitest";
import type { ClientOptions } from "../support/clients.ts";
import { databases } from "../support/database.ts";
import { SQL_MODE } from "../support/mariadb-databases.ts";
import { failureOf, idempotencyOf } from "../support/runs.ts";
import { lapse, paying } from "./helpers.ts";

const LEASE_S = 60;
const RETENTION_S = 7_200;
const OPTIONS = {
  leaseMs: LEASE_S * 1_000,
  retentionMs: RETENTION_S * 1_000,
  onDuplicate: "reject",
} as const;

/** The offsets are those of January; MariaDB knows names only where they were loaded. */
const ZONES = [
  ["UTC", "+00:00"],
  ["America/New_York", "-05:00"],
  ["Asia/Kolkata", "+05:30"],
] as const;

const sessionIn = ([zone, offset]: (typeof ZONES)[number]): ClientOptions => ({
  serverOptions: `-c TimeZone=${zone}`,
  pool: { sessionVariables: { sql_mode: SQL_MODE, time_zone: offset } },
});

// SQLite has no sessions with a time zone.
describe.each(databases.filter(({ name }) => name !== "sqlite"))("on $name", ({ open }) => {
  it("leases and records last as long in each, and are held or free for all", async () => {
    await using db = await open();
    const sessions = await Promise.all(
      ZONES.map(async (zone) => idempotencyOf(await db.connect(sessionIn(zone)), OPTIONS)),
    );
    const left = async (key: string) => {
      const [row] = await db.query(
        `SELECT extract(epoch FROM locked_until - clock_timestamp())::float8 AS "lease",
           extract(epoch FROM expires_at - clock_timestamp())::float8 AS "record"
         FROM idempotency_record WHERE key = ${db.placeholder(1)}`,
        [key],
      );
      return { lease: Number(row?.["lease"]), record: Number(row?.["record"]) };
    };
    for (const [index, [zone]] of ZONES.entries()) {
      const mine = sessions[index] ?? expect.fail();
      const others = sessions.filter((each) => each !== mine);
      const asked = (by: typeof mine) => by.runLeased(paying(zone), async () => "another");
      await mine.runLeased(paying(zone), async () => {
        const { lease, record } = await left(zone);
        // A wrong zone is hours off; a slow machine is not.
        expect([zone, lease > 0, lease <= LEASE_S]).toEqual([zone, true, true]);
        expect([zone, record > RETENTION_S - LEASE_S, record <= RETENTION_S + LEASE_S + 10]).toEqual([
          zone,
          true,
          true,
        ]);
        for (const other of others) expect((await failureOf(asked(other))).code).toBe("IN_PROGRESS");
        return "first";
      });
      for (const other of others) expect(await asked(other)).toEqual({ value: "first", replayed: true });
    }
    // A lease that has lapsed has done so for all.
    for (const [index, [zone]] of ZONES.entries()) {
      const key = `lapsed in ${zone}`;
      await idempotencyOf(db.prisma, OPTIONS)
        .runLeased(paying(key), async () => {
          await lapse(db);
          const { value } = await (sessions[index] ?? expect.fail()).runLeased(paying(key), async () => zone);
          expect(value).toBe(zone);
          throw new Error("it has lost its lease");
        })
        .catch(() => {});
    }
  });
});
