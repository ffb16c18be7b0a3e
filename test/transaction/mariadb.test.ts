/** On MariaDB a transaction can be over while everybody thinks it open: nothing that comes later may commit by itself. */
import { describe, expect, it } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { adapterFor, type ClientOptions, type TestClient } from "../support/clients.ts";
import { onMariadb, openMariadb, type TestDatabase } from "../support/database.ts";
import { PrismaClient } from "../support/generated/mariadb/client.ts";
import { failureOf, idempotencyOf, orderOf, placing, records, request } from "../support/runs.ts";

type Tx = Pick<TestClient, "$executeRawUnsafe" | "$queryRawUnsafe" | "order" | "account">;

const left = async (db: TestDatabase) => [await db.countOrders(), (await records(db)).length];

/** What a session of the pool has, each of its connections. */
async function settingsOf(client: TestClient, connections = 1): Promise<unknown[]> {
  const seen = await Promise.all(
    Array.from({ length: connections }, () =>
      client.$queryRawUnsafe<object[]>(
        `SELECT @@autocommit AS autocommit, @@time_zone AS zone, @@innodb_lock_wait_timeout AS waits, @@max_statement_time AS longest,
           @@in_transaction AS inTransaction, @@tx_isolation AS isolation, SLEEP(0.05) AS slept`,
      ),
    ),
  );
  return seen.flat();
}
const asBefore = {
  autocommit: 1,
  zone: "SYSTEM",
  waits: 50,
  longest: expect.anything() as unknown,
  inTransaction: 0,
  isolation: "REPEATABLE-READ",
};
const numbered = (rows: unknown[]) =>
  rows.map((row) =>
    Object.fromEntries(
      Object.entries(row as object).map(([k, v]) => [k, typeof v === "bigint" ? Number(v) : v]),
    ),
  );

/** Two transactions that each wait for what the other has: the database rolls the handler's back, as it wrote less. */
async function deadlock(db: TestDatabase, tx: Tx, other: TestClient, statement: () => PromiseLike<unknown>) {
  await tx.account.update({ where: { id: "a" }, data: { version: { increment: 1 } } });
  let swallowed: unknown;
  await other
    .$transaction(
      async (theirs) => {
        // What has written more is kept.
        const fillers = Array.from({ length: 300 }, (_, n) => ({ id: `filler-${n}`, balance: 0 }));
        await theirs.account.createMany({ data: fillers });
        await theirs.account.update({ where: { id: "b" }, data: { version: { increment: 1 } } });
        const theirWait = theirs.account
          .update({ where: { id: "a" }, data: { version: { increment: 1 } } })
          .then(
            () => undefined,
            (error: unknown) => error,
          );
        await (db as Awaited<ReturnType<typeof openMariadb>>).waitForBlockedBackend();
        swallowed = await Promise.resolve(statement()).then(
          () => undefined,
          (error: unknown) => error,
        );
        expect([await theirWait]).toEqual([undefined]);
        throw new Error("undone");
      },
      { timeout: 60_000 },
    )
    .catch(() => undefined);
  expect(swallowed).toBeDefined();
}

async function openWithAccounts(options: ClientOptions = {}) {
  const db = await openMariadb(options);
  await db.query(`INSERT INTO "Account" (id, balance, version) VALUES ('a', 0, 0), ('b', 0, 0)`);
  return db;
}

const update = (tx: Tx) => tx.account.update({ where: { id: "b" }, data: { version: { increment: 1 } } });
const raw = (tx: Tx) => tx.$executeRawUnsafe("UPDATE \"Account\" SET version = version + 1 WHERE id = 'b'");

describe.runIf(onMariadb).each([
  ["the default protocol", {}],
  ["foundRows: false", { pool: { foundRows: false } }],
  ["the text protocol", { adapter: { useTextProtocol: true } }],
  ["no pipelining", { pool: { pipelining: false } }],
] as [string, ClientOptions][])("a handler on MariaDB with %s", (_, options) => {
  it("that swallows a deadlock commits nothing more, and is told so, in each kind of run", async () => {
    await using db = await openWithAccounts(options);
    const other = await db.connect();
    const idempotency = idempotencyOf(db.prisma, { transaction: { timeoutMs: 60_000 } });
    for (const [n, statement] of [update, raw].entries()) {
      const handler = async ({ tx }: { tx: Tx }) => {
        await tx.order.create({ data: orderOf("before") });
        await deadlock(db, tx, other, () => statement(tx));
        // Would commit by itself.
        await tx.order.create({ data: orderOf("after") }).catch(() => undefined);
        return "done";
      };
      expect(await failureOf(idempotency.run(request(`k${n}`), handler))).toMatchObject({
        code: "RESULT_UNSTORABLE",
        message: expect.stringContaining("caught the error of a failed statement") as string,
      });
      await expect(idempotency.runUnkeyed(handler)).rejects.toThrow(/rolled the transaction back/);
      const leased = idempotency.runLeased(request(`l${n}`), ({ transaction }) => transaction("t", handler));
      expect(await failureOf(leased)).toMatchObject({ code: "RESULT_UNSTORABLE" });
      expect(await db.countOrders()).toBe(0);
    }
    expect(await db.query("SELECT name FROM idempotency_step")).toEqual([]);
    expect(numbered(await settingsOf(db.prisma, 4))).toEqual(
      Array.from({ length: 4 }, () => expect.objectContaining(asBefore)),
    );
    const retried = await idempotency.run(request("k0"), async ({ tx }) =>
      tx.order.create({ data: orderOf("k") }),
    );
    expect(retried.replayed).toBe(false);
  });

  it("that lets a deadlock through is repeated, if retryConflicts says so", async () => {
    await using db = await openWithAccounts(options);
    const other = await db.connect();
    const idempotency = idempotencyOf(db.prisma, { retryConflicts: 1, transaction: { timeoutMs: 60_000 } });
    let runs = 0;
    const { value } = await idempotency.run(request("k"), async ({ tx }) => {
      runs += 1;
      await tx.order.create({ data: orderOf("k") });
      if (runs === 1) {
        let met: unknown;
        await deadlock(db, tx, other, () =>
          update(tx).then(undefined, (error: unknown) => {
            met = error;
            throw error;
          }),
        );
        throw met;
      }
      return "second";
    });
    expect([value, runs, ...(await left(db))]).toEqual(["second", 2, 1, 1]);
  });

  it("cannot end its transaction by a statement that commits implicitly: it is not sent", async () => {
    await using db = await openWithAccounts(options);
    const idempotency = idempotencyOf(db.prisma);
    for (const sql of [
      "CREATE TABLE made (id INT)",
      "/* x */ create index i on Account (balance)",
      "DROP TABLE Account",
      "ALTER TABLE Account ADD COLUMN x INT",
      "TRUNCATE TABLE Account",
      "BEGIN",
      "START TRANSACTION",
      "LOCK TABLES Account WRITE",
      "ANALYZE TABLE Account",
      "SET autocommit = 1",
      "set session autocommit=on",
      "/*! COMMIT */",
      "# nothing\nCOMMIT",
      "EXECUTE IMMEDIATE 'COMMIT'",
      "BEGIN NOT ATOMIC COMMIT; END",
      "XA BEGIN 'x'",
      "SET STATEMENT max_statement_time=1 FOR ANALYZE TABLE Account",
    ]) {
      const run = idempotency.run(request("k"), async ({ tx }) => {
        await tx.order.create({ data: orderOf("before") });
        await Promise.resolve(tx.$executeRawUnsafe(sql)).catch(() => undefined);
        await tx.order.create({ data: orderOf("after") }).catch(() => undefined);
      });
      await expect(run).rejects.toThrow("onceonly: the handler has tried to end its transaction itself");
      expect([sql, ...(await left(db))]).toEqual([sql, 0, 0]);
    }
    expect(await db.query("SHOW TABLES LIKE 'made'")).toEqual([]);
  });

  it("may use what commits nothing", async () => {
    await using db = await openWithAccounts(options);
    const { value } = await idempotencyOf(db.prisma).run(request("k"), async ({ tx }) => {
      for (const sql of [
        "CREATE TEMPORARY TABLE scratch (id INT)",
        "INSERT INTO scratch VALUES (1)",
        "DROP TEMPORARY TABLE scratch",
        "SET @mine = 'COMMIT; autocommit'",
        "SAVEPOINT mine",
        "ROLLBACK TO SAVEPOINT mine",
        "RELEASE SAVEPOINT mine",
        "DO 1",
        "SELECT 'a''; COMMIT' AS x -- commit\n",
        "(SELECT 1 AS a) UNION (SELECT 2)",
        "SET STATEMENT max_statement_time=10 FOR SELECT 1",
      ]) {
        await tx.$queryRawUnsafe(sql);
      }
      return "kept";
    });
    expect([value, ...(await left(db))]).toEqual(["kept", 0, 1]);
  });

  it("whose procedure commits is told, and its later writes are not committed", async () => {
    await using db = await openWithAccounts(options);
    await db.query("CREATE PROCEDURE committing() COMMIT");
    const run = idempotencyOf(db.prisma).run(request("k"), async ({ tx }) => {
      await Promise.resolve(tx.$executeRawUnsafe("CALL committing()")).catch(() => undefined);
      await tx.order.create({ data: orderOf("after") }).catch(() => undefined);
    });
    await expect(run).rejects.toThrow('was over after a statement that begins with "CALL committing"');
    expect(await db.countOrders()).toBe(0);
    expect(numbered(await settingsOf(db.prisma, 4))).toEqual(
      Array.from({ length: 4 }, () => expect.objectContaining(asBefore)),
    );
  });

  it("whose connection is killed between two statements commits nothing, and a retry executes", async () => {
    await using db = await openWithAccounts(options);
    const idempotency = idempotencyOf(db.prisma);
    const run = idempotency.run(request("k"), async ({ tx }) => {
      await tx.order.create({ data: orderOf("before") });
      const [{ id } = { id: 0 }] = await tx.$queryRawUnsafe<{ id: bigint }[]>("SELECT CONNECTION_ID() AS id");
      await db.query(`KILL CONNECTION ${id}`);
      await tx.order.create({ data: orderOf("after") }).catch(() => undefined);
      await tx.order.create({ data: orderOf("after") }).catch(() => undefined);
    });
    expect(await failureOf(run)).toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(await left(db)).toEqual([0, 0]);
    expect((await idempotency.run(request("k"), placing("k"))).replayed).toBe(false);
    expect(await left(db)).toEqual([1, 1]);
  });

  it("leaves no setting behind in the pool, however its run ends", async () => {
    await using db = await openWithAccounts({ ...options, max: 4 });
    const idempotency = idempotencyOf(db.prisma, { storeError: () => true });
    await Promise.allSettled([
      idempotency.run(request("done"), placing("done")),
      idempotency.run(request("stored"), () => Promise.reject(new Error("stored"))),
      idempotency
        .with({ storeError: () => false })
        .run(request("released"), () => Promise.reject(new Error("released"))),
      idempotency.run(request("isolated", { transaction: { isolationLevel: "Serializable" } }), placing("i")),
    ]);
    await idempotency.run(request("done"), placing("done"));
    expect(numbered(await settingsOf(db.prisma, 4))).toEqual(
      Array.from({ length: 4 }, () => expect.objectContaining(asBefore)),
    );
  });
});

describe.runIf(onMariadb)("a client on MariaDB", () => {
  it("whose sessions have autocommit off has it off afterwards", async () => {
    await using db = await openMariadb({
      max: 1,
      pool: { sessionVariables: { autocommit: 0, sql_mode: "ANSI_QUOTES" } },
    });
    await idempotencyOf(db.prisma).run(request("k"), placing("k"));
    expect(numbered(await settingsOf(db.prisma))).toMatchObject([{ autocommit: 0 }]);
    expect(await left(db)).toEqual([1, 1]);
  });

  it("that has connected before is refused at the first run, and nothing is executed", async () => {
    await using db = await openMariadb();
    const adapter = adapterFor({ provider: "mariadb", url: db.url });
    const prisma = new PrismaClient({ adapter }) as unknown as TestClient;
    await prisma.$connect();
    const place = placing("k");
    const idempotency = createIdempotency({ prisma });
    const refused = {
      code: "STORE_MISCONFIGURED",
      message: expect.stringContaining("Call createIdempotency before the first query") as string,
    };
    expect(await failureOf(idempotency.run(request("k"), place))).toMatchObject(refused);
    expect(await failureOf(idempotency.check())).toMatchObject(refused);
    expect([place.runs, ...(await left(db))]).toEqual([0, 0, 0]);
    await prisma.$disconnect();
  });
});
