/** What only MariaDB needs of its tables, its server and its sessions. */
import { describe, expect, it } from "vitest";
import { isIdempotencyError } from "../../src/core/contract/errors/errors.ts";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { createPrismaStore } from "../../src/prisma/create-store.ts";
import { adapterFor, type ClientOptions, type TestClient } from "../support/clients.ts";
import { onMariadb, openMariadb, type TestDatabase } from "../support/database.ts";
import { PrismaClient } from "../support/generated/mariadb/client.ts";
import { failureOf, idempotencyOf, orderOf, placing, records, request } from "../support/runs.ts";

/** A client of a server that says so of itself. */
function clientOf({ url }: TestDatabase, said: Readonly<Record<string, string>>) {
  const factory = adapterFor({ provider: "mariadb", url });
  const { connect } = factory;
  factory.connect = async () => {
    const adapter = await connect.call(factory);
    const { queryRaw } = adapter;
    adapter.queryRaw = async (query) => {
      const answer = await queryRaw.call(adapter, query);
      return query.sql.startsWith("SHOW VARIABLES")
        ? {
            ...answer,
            rows: answer.rows.map(([name, value]) => [name, said[String(name)] ?? value]),
          }
        : answer;
    };
    return adapter;
  };
  return new PrismaClient({ adapter: factory }) as unknown as TestClient;
}

describe.runIf(onMariadb)("a server of Prisma's provider mysql", () => {
  it.each([
    ["8.4.3", "is not MariaDB"],
    ["8.0.11-TiDB-v7.5.0", "is not MariaDB"],
    ["10.5.27-MariaDB-log", "onceonly needs MariaDB 10.6 or later"],
    ["5.5.5-10.3.39-MariaDB", "onceonly needs MariaDB 10.6 or later"],
  ])("that calls itself %s is refused by check() and by each first call", async (version, reason) => {
    await using db = await openMariadb();
    const client = clientOf(db, { version });
    const idempotency = createIdempotency({ prisma: client });
    const place = placing("k");
    for (const call of [
      () => idempotency.check(),
      () => idempotency.run(request("k"), place),
      () => idempotency.runLeased(request("k"), () => Promise.resolve(place.runs++)),
      () => idempotency.prune(),
    ]) {
      expect(await failureOf(call())).toMatchObject({
        code: "STORE_MISCONFIGURED",
        message: expect.stringContaining(reason) as string,
      });
    }
    expect([place.runs, ...(await records(db))]).toEqual([0]);
    await client.$disconnect();
  });

  it.each(["10.6.0-MariaDB", "11.8.2-MariaDB-ubu2404", "5.5.5-10.11.6-MariaDB-1:10.11.6+maria~deb12"])(
    "that calls itself %s is not, and is asked once",
    async (version) => {
      await using db = await openMariadb();
      const client = clientOf(db, { version });
      expect(await createIdempotency({ prisma: client }).run(request("k"), async () => 1)).toMatchObject({
        value: 1,
      });
      await client.$disconnect();
    },
  );
});

describe.runIf(onMariadb)("a server that lets nobody in", () => {
  it.each([
    ["whose password is wrong", (url: URL) => Object.assign(url, { password: "wrong" })],
    ["whose database does not exist", (url: URL) => Object.assign(url, { pathname: "/nowhere" })],
  ])("%s is a set-up that no retry mends", async (_, change) => {
    await using db = await openMariadb();
    const url = new URL(db.url);
    change(url);
    // The driver tries again until then.
    const idempotency = idempotencyOf(await db.connect({ url: url.href, pool: { acquireTimeout: 3_000 } }));
    const place = placing("k");
    const misconfigured = { code: "STORE_MISCONFIGURED", retryable: false };
    for (const call of [
      () => idempotency.run(request("k"), place),
      () => idempotency.runLeased(request("k"), async () => place.runs++),
      () => idempotency.check(),
    ]) {
      expect(await failureOf(call())).toMatchObject(misconfigured);
    }
    expect(place.runs).toBe(0);
  });
});

describe.runIf(onMariadb)("a server that says it is a node of a cluster", () => {
  it.each([
    ["ON", {}, 3],
    ["ON", { retryConflicts: 1 }, 2],
    ["ON", { retryConflicts: 0 }, 1],
    ["OFF", {}, 1],
  ] as const)(
    "(wsrep_on: %s) has a run with %o executed %d times for two write conflicts",
    async (said, options, times) => {
      await using db = await openMariadb();
      const client = clientOf(db, { wsrep_on: said });
      let runs = 0;
      const run = createIdempotency({ prisma: client, ...options }).run(request("k"), async () => {
        runs += 1;
        if (runs < 3) throw Object.assign(new Error("conflict"), { code: "P2034" });
        throw new Error("at last");
      });
      await expect(run).rejects.toThrow(times === 3 ? "at last" : "conflict");
      expect(runs).toBe(times);
      await client.$disconnect();
    },
  );

  it("keeps leases as any other: claims and steps, in transactions of their own", async () => {
    await using db = await openMariadb();
    const client = clientOf(db, { wsrep_on: "ON" });
    const { leases } = createPrismaStore({ prisma: client });
    const claim = (owner: string) =>
      leases.claim({
        id: "r",
        scope: "s",
        operation: "o",
        key: "k",
        fingerprint: "f",
        owner,
        lockWaitMs: 1_000,
        retentionMs: 60_000,
        leaseMs: 60_000,
        input: "i",
      });
    const lapse = () =>
      db.query("UPDATE idempotency_record SET locked_until = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND");
    const step = (owner: string) => leases.recordStep({ id: "r", owner, name: "s", response: owner });
    expect(await claim("first")).toEqual({ state: "claimed", attempt: 1 });
    expect(await claim("second")).toMatchObject({ state: "held" });
    expect([await step("first"), await step("first"), await step("second")]).toEqual([true, true, false]);
    await lapse();
    expect(await claim("second")).toEqual({ state: "claimed", attempt: 2 });
    expect([await step("first"), await leases.steps("r")]).toEqual([
      false,
      [{ name: "s", response: "first" }],
    ]);
    await lapse();
    const params = { operations: ["o"], owner: "third", leaseMs: 60_000, retentionMs: 60_000 };
    expect(await leases.claimAbandoned(params)).toMatchObject({ id: "r", attempt: 3 });
    expect(await leases.claimAbandoned(params)).toBeUndefined();
    await client.$disconnect();
  });

  it("needs a client whose transactions can be guarded for leases too", async () => {
    await using db = await openMariadb();
    const client = clientOf(db, { wsrep_on: "ON" });
    await client.$connect();
    const leased = createIdempotency({ prisma: client }).runLeased(request("k"), async () => "executed");
    expect(await failureOf(leased)).toMatchObject({ code: "STORE_MISCONFIGURED" });
    await client.$disconnect();
  });
});

async function findingsIn(db: TestDatabase, options: object = {}): Promise<string[]> {
  try {
    return (await idempotencyOf(db.prisma, options).check()).map(({ subject }) => subject);
  } catch (error) {
    if (!isIdempotencyError(error) || error.code !== "STORE_MISCONFIGURED") throw error;
    const fatal = error.details.findings?.filter(({ severity }) => severity === "fatal") ?? [];
    return fatal.map(({ subject }) => `fatal: ${subject}`);
  }
}

describe.runIf(onMariadb)("check() on MariaDB", () => {
  it.each([
    ["idempotency_record", "id", "VARCHAR(64) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL"],
    ["idempotency_record", "owner", "VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL"],
    ["idempotency_step", "name", "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL"],
    ["idempotency_record", "response", "TEXT"],
    ["idempotency_record", "locked_until", "TIMESTAMP(3) NULL"],
    ["idempotency_record", "expires_at", "DATETIME NOT NULL"],
  ])("throws for %s.%s as %s", async (table, column, type) => {
    await using db = await openMariadb();
    await db.query(`ALTER TABLE ${table} MODIFY ${column} ${type}`);
    expect(await findingsIn(db)).toEqual([`fatal: column ${column} of \`${table}\``]);
  });

  it("names a statement that mends the collations, and a run works after it", async () => {
    await using db = await openMariadb();
    for (const table of ["idempotency_record", "idempotency_step"]) {
      await db.query(`ALTER TABLE ${table} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci`);
    }
    const { message } = await failureOf(idempotencyOf(db.prisma).check());
    const statements = new Set(message.match(/ALTER TABLE `\w+` CONVERT TO [^.]+/g));
    expect(statements.size).toBe(2);
    for (const statement of statements) await db.query(statement);
    expect(await findingsIn(db)).toEqual([]);
    const idempotency = idempotencyOf(db.prisma);
    await idempotency.runLeased(request("k"), async ({ step }) => step("a", () => "ünï 😀"));
    expect(await idempotency.runLeased(request("k"), async () => "again")).toEqual({
      value: "ünï 😀",
      replayed: true,
    });
  });

  it("says that a privilege is missing, and check() names the GRANT", async () => {
    await using db = await openMariadb();
    const user = `u${Date.now()}`;
    const url = new URL(db.url);
    await db.query(`CREATE USER ${user}@'127.0.0.1' IDENTIFIED BY 'pw'`);
    await db.query(`GRANT SELECT, INSERT, UPDATE ON ${url.pathname.slice(1)}.* TO ${user}@'127.0.0.1'`);
    try {
      Object.assign(url, { username: user, password: "pw", hostname: "127.0.0.1" });
      const idempotency = idempotencyOf(await db.connect({ url: url.href }));
      await idempotency.run(request("k"), async () => 1);
      const { code, cause } = await failureOf(idempotency.forget(request("k")));
      expect([code, String(cause)]).toEqual([
        "STORE_MISCONFIGURED",
        expect.stringContaining("lacks a privilege"),
      ]);
      const [finding] = await idempotency.check();
      expect(finding?.message).toContain("so prune() and forget() fail: GRANT DELETE ON");
    } finally {
      await db.query(`DROP USER ${user}@'127.0.0.1'`);
    }
  });

  it("tells a wrong password as what it is, and runs say where to look", async () => {
    await using db = await openMariadb();
    const url = new URL(db.url);
    url.password = "wrong";
    const idempotency = idempotencyOf(
      await db.connect({ url: url.href, pool: { acquireTimeout: 3_000 }, maxWaitMs: 1_000 }),
    );
    const refused = await failureOf(idempotency.check());
    expect([refused.code, refused.message]).toEqual([
      "STORE_MISCONFIGURED",
      expect.stringContaining("refuses the connection with its error 1045: user or password is wrong"),
    ]);
    const run = await failureOf(idempotency.run(request("k"), async () => 1));
    if (run.code === "STORE_UNAVAILABLE") expect(String(run.cause)).toContain("user, password or database");
  });

  it("throws for a table without transactions", async () => {
    await using db = await openMariadb();
    await db.query("ALTER TABLE idempotency_step ENGINE = Aria");
    expect(await findingsIn(db)).toEqual(["fatal: table `idempotency_step`"]);
  });

  it("warns of results that a packet may not hold, and takes sizes that it does", async () => {
    await using db = await openMariadb();
    expect(await findingsIn(db, { resultBytesMax: 9_000_000 })).toEqual([
      "max_allowed_packet of the database server",
    ]);
    expect(await findingsIn(db, { resultBytesMax: 8_000_000 })).toEqual([]);
  });
});

const ZONES = ["+00:00", "-05:00", "+05:30"];

describe.runIf(onMariadb)("sessions in different time zones on MariaDB", () => {
  it("write the same times, and see the same leases and the same retention", async () => {
    await using db = await openMariadb();
    const clients = await Promise.all(
      ZONES.map((zone) =>
        db.connect({ pool: { sessionVariables: { time_zone: zone, sql_mode: "ANSI_QUOTES" } } }),
      ),
    );
    for (const [n, client] of clients.entries()) {
      const idempotency = idempotencyOf(client, { retentionMs: 60_000 });
      await idempotency.run(request(`t${n}`), async () => n);
      await createPrismaStore({ prisma: client }).leases.claim({
        id: `l${n}`,
        scope: "s",
        operation: "o",
        key: `l${n}`,
        fingerprint: "f",
        owner: `o${n}`,
        lockWaitMs: 1_000,
        retentionMs: 60_000,
        leaseMs: 60_000,
        input: "i",
      });
    }
    const offBy = await db.query(
      `SELECT MAX(ABS(TIMESTAMPDIFF(SECOND, created_at, UTC_TIMESTAMP()))) AS made,
         MIN(TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), COALESCE(locked_until, expires_at))) AS least,
         MAX(TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), COALESCE(locked_until, expires_at))) AS most FROM idempotency_record`,
    );
    expect(offBy[0]).toSatisfy(
      ({ made, least, most }: Record<string, number>) => made! < 60 && least! > 0 && most! < 90,
    );
    for (const client of clients) {
      const { leases } = createPrismaStore({ prisma: client });
      for (const n of ZONES.keys()) {
        expect((await idempotencyOf(client).run(request(`t${n}`), async () => "again")).value).toBe(n);
        expect(
          await leases.renew({ id: `l${n}`, owner: `o${n}`, leaseMs: 60_000, retentionMs: 60_000 }),
        ).toBe(true);
      }
      expect(
        await leases.claimAbandoned({ operations: ["o"], owner: "x", leaseMs: 1, retentionMs: 1 }),
      ).toBeUndefined();
      expect(await idempotencyOf(client).prune()).toBe(0);
    }
    await db.query(
      "UPDATE idempotency_record SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND, locked_until = NULL",
    );
    expect(await idempotencyOf(clients[2]!).prune()).toBe(6);
  });
});

/** Within one millisecond each of these writes what is there already. */
describe.runIf(onMariadb).each([
  ["foundRows: true", { pool: { foundRows: true } }],
  ["foundRows: false", { pool: { foundRows: false } }],
] as [string, ClientOptions][])("a write that changes nothing but counts, with %s", (_, options) => {
  it("is told as done, again and again", async () => {
    await using db = await openMariadb(options);
    const { leases } = createPrismaStore({ prisma: db.prisma });
    const held = { id: "r", owner: "o" };
    await leases.claim({
      ...held,
      scope: "s",
      operation: "o",
      key: "k",
      fingerprint: "f",
      lockWaitMs: 1_000,
      retentionMs: 60_000,
      leaseMs: 60_000,
      input: null,
    });
    const frozen = await db.connect({
      ...options,
      max: 1,
      pool: { ...options.pool, initSql: "SET timestamp = 1900000000" },
    });
    const stands = createPrismaStore({ prisma: frozen }).leases;
    for (let n = 0; n < 3; n += 1) {
      expect(await stands.renew({ ...held, leaseMs: 60_000, retentionMs: 60_000 })).toBe(true);
      expect(await stands.recordStep({ ...held, name: "s", response: "r" })).toBe(true);
    }
    expect(await stands.renew({ ...held, owner: "other", leaseMs: 60_000, retentionMs: 60_000 })).toBe(false);
  });

  it("tells a fresh key from one that is there", async () => {
    await using db = await openMariadb(options);
    const other = await db.connect(options);
    const answers = await Promise.all(
      [db.prisma, other].map((client) =>
        idempotencyOf(client).run(
          request("k"),
          async ({ tx }) => (await tx.order.create({ data: orderOf("k") })).id,
        ),
      ),
    );
    expect(answers.filter(({ replayed }) => replayed)).toHaveLength(1);
    expect(new Set(answers.map(({ value }) => value)).size).toBe(1);
    expect(await db.countOrders()).toBe(1);
  });
});
