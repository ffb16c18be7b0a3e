/** The messages that carry our statements with BEGIN and COMMIT, interrupted between any two of them. */
import { PrismaPg } from "@prisma/adapter-pg";
import { Pool, type PoolClient } from "pg";
import { describe, expect, test } from "vitest";
import type { TestClient } from "../support/clients.ts";
import { type LockingDatabase, onPostgres, openPostgres } from "../support/database.ts";
import { PrismaClient } from "../support/generated/postgresql/client.ts";
import {
  door,
  expire,
  failureOf,
  idempotencyOf,
  orderOf,
  placing,
  records,
  request,
  warningsDuring,
} from "../support/runs.ts";
import { openProxy } from "../support/tcp-proxy.ts";

const RECORD = "idempotency_record";

/** Triggers that stand still while the test holds its lock: where in the two messages a run is then. */
const HOLDS = {
  "between BEGIN and the claim": `BEFORE INSERT ON ${RECORD} FOR EACH ROW EXECUTE FUNCTION hold()`,
  "after the claim, before the end of its message": `AFTER INSERT ON ${RECORD} FOR EACH ROW EXECUTE FUNCTION hold()`,
  "before the result is stored": `BEFORE UPDATE ON ${RECORD} FOR EACH ROW EXECUTE FUNCTION hold()`,
  "between the result and COMMIT": `AFTER UPDATE ON ${RECORD} FOR EACH ROW EXECUTE FUNCTION hold()`,
} as const;

async function createTrigger(db: LockingDatabase, name: string, definition: string) {
  await db.query(`CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN NEW; END $$`);
  await db.query(`CREATE ${name} TRIGGER held ${definition}`);
  await db.query("SELECT pg_advisory_lock(42)");
}

const ended = (work: Promise<{ replayed: boolean }>) =>
  work.then(
    ({ replayed }) => (replayed ? "replayed" : "executed"),
    (error: { code?: unknown }) => error.code,
  );

describe.runIf(onPostgres)("a message that several statements share", () => {
  const interruptions = {
    "its connection is cut": (proxy: { cutAll(): void }) => async () => proxy.cutAll(),
    "its session is ended": (_: unknown, db: LockingDatabase) => async (pid: number) => {
      await db.query("SELECT pg_terminate_backend($1)", [pid]);
    },
  };

  test.each(
    [
      ...Object.entries(HOLDS).map(([where, definition]) => [where, "", definition] as const),
      [
        "in COMMIT",
        "CONSTRAINT",
        `AFTER UPDATE ON ${RECORD} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold()`,
      ] as const,
    ].flatMap(([where, kind, definition]) =>
      Object.entries(interruptions).map(
        ([what, interrupt]) => [where, what, kind, definition, interrupt] as const,
      ),
    ),
  )("%s, when %s: one row, and every answer of it", async (_where, _what, kind, definition, interrupt) => {
    await using db = await openPostgres();
    await using proxy = await openProxy(db.url);
    const client = await db.connect({ url: proxy.url });
    await createTrigger(db, kind, definition);
    const place = placing("k");
    const first = ended(idempotencyOf(client).run(request("k"), place));
    const [held] = await db.waitForBlockedBackend();
    await interrupt(proxy, db)(held?.pid ?? 0);
    await db.query("SELECT pg_advisory_unlock(42)");
    const retry = await idempotencyOf(db.prisma).run(request("k"), place);
    const told = await first;
    expect(["executed", "replayed", "STORE_UNAVAILABLE"]).toContain(told);
    expect([await db.countOrders(), (await records(db)).length]).toEqual([1, 1]);
    // Whoever was told of success has made the row that there is.
    expect(retry.replayed || told !== "executed").toBe(true);
    expect(await idempotencyOf(db.prisma).run(request("k"), place)).toMatchObject({
      value: retry.value,
      replayed: true,
    });
  });

  test.each(["before", "after", "answered"] as const)(
    "cut %s it: the same, for both messages",
    async (when) => {
      for (const message of [/^BEGIN;/, /;\s*COMMIT$/]) {
        await using db = await openPostgres();
        await using proxy = await openProxy(db.url);
        const client = await db.connect({ url: proxy.url });
        const idempotency = idempotencyOf(client);
        const place = placing("k");
        proxy.intercept(message, when).cut();
        const told = await ended(idempotency.run(request("k"), place));
        const retry = await idempotencyOf(db.prisma).run(request("k"), place);
        expect(["executed", "STORE_UNAVAILABLE"]).toContain(told);
        expect(retry.replayed).toBe(told === "executed");
        expect([await db.countOrders(), (await records(db)).length]).toEqual([1, 1]);
      }
    },
  );

  test.each(["before", "after", "answered"] as const)(
    "cut %s a look at what was in the way: a replay is a replay, and what may be taken over is executed once",
    async (when) => {
      for (const message of [/^SELECT false AS mine/, /^BEGIN$/]) {
        for (const isExpired of [false, true]) {
          await using db = await openPostgres();
          await using proxy = await openProxy(db.url);
          const first = await idempotencyOf(db.prisma).run(request("k"), placing("k"));
          if (isExpired) await db.query("UPDATE idempotency_record SET expires_at = now()");
          const elsewhere = idempotencyOf(await db.connect({ url: proxy.url }));
          proxy.intercept(message, when).cut();
          const place = placing("again");
          const told = await ended(elsewhere.run(request("k"), place));
          expect([isExpired ? "executed" : "replayed", "STORE_UNAVAILABLE"]).toContain(told);
          const last = await idempotencyOf(db.prisma).run(request("k"), place);
          if (!isExpired) expect(last).toEqual({ ...first, replayed: true });
          expect([await db.countOrders({ key: "again" }), (await records(db)).length]).toEqual([
            isExpired ? 1 : 0,
            1,
          ]);
        }
      }
    },
  );

  test("whose claim fails costs no connection, and leaves no transaction behind", async () => {
    await using db = await openPostgres();
    const client = await db.connect({ max: 1 });
    await client.$queryRawUnsafe("SELECT 1");
    const pidOf = async () =>
      (await client.$queryRawUnsafe<{ pid: number }[]>("SELECT pg_backend_pid() AS pid"))[0]?.pid;
    const pid = await pidOf();
    await db.query(`ALTER TABLE ${RECORD} RENAME TO elsewhere`);
    const idempotency = idempotencyOf(client);
    expect((await failureOf(idempotency.run(request("k"), placing("k")))).code).toBe("STORE_MISCONFIGURED");
    expect(await pidOf()).toBe(pid);
    await db.query(`ALTER TABLE elsewhere RENAME TO ${RECORD}`);
    expect((await idempotency.run(request("k"), placing("k"))).replayed).toBe(false);
    expect(await pidOf()).toBe(pid);
    const [{ state } = {}] = await db.query("SELECT state FROM pg_stat_activity WHERE pid = $1", [pid ?? 0]);
    expect(state).toBe("idle");
  });

  test.each([
    ["the row is gone", "DELETE FROM idempotency_record", "CLAIM_LOST"],
    [
      "a rule suppresses the write",
      "CREATE RULE none AS ON UPDATE TO idempotency_record DO INSTEAD NOTHING",
      "STORE_MISCONFIGURED",
    ],
    ["the transaction is aborted", "SELECT 1 / 0", "RESULT_UNSTORABLE"],
    ["the transaction takes no writes", "SET TRANSACTION READ ONLY", "STORE_MISCONFIGURED"],
  ])(
    "whose result is not stored, as %s, commits nothing, and costs no connection",
    async (_, statement, code) => {
      await using db = await openPostgres();
      const client = await db.connect({ max: 1 });
      const run = idempotencyOf(client).run(request("k"), async ({ tx }) => {
        await tx.order.create({ data: orderOf("k") });
        await tx.$executeRawUnsafe(statement).catch(() => {});
        return "done";
      });
      expect((await failureOf(run)).code).toBe(code);
      expect([await db.countOrders(), await records(db)]).toEqual([0, []]);
      const [{ n } = {}] = await client.$queryRawUnsafe<{ n: number }[]>(
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'",
      );
      expect(n).toBe(0);
    },
  );

  test("whose COMMIT is refused by a deferred constraint is rolled back, with the database's own error", async () => {
    await using db = await openPostgres();
    await db.query(`CREATE TABLE child (id text REFERENCES "Order" DEFERRABLE INITIALLY DEFERRED)`);
    const run = idempotencyOf(db.prisma).run(request("k"), async ({ tx }) => {
      await tx.order.create({ data: orderOf("k") });
      await tx.$executeRawUnsafe("INSERT INTO child VALUES ('nobody')");
    });
    await expect(run).rejects.toThrow();
    expect([await db.countOrders(), await records(db)]).toEqual([0, []]);
    const again = await idempotencyOf(db.prisma).run(request("k"), placing("k"));
    expect([again.replayed, await db.countOrders()]).toEqual([false, 1]);
  });
});

/** A message of ours that is answered when the run, and with it Prisma's transaction, is over. */
describe.runIf(onPostgres)("a message that is answered after the time of its run", () => {
  test.each([
    ["the look at what is in the way", / AS free FROM /, "answered"],
    ["the look at what is in the way, which is still on its way", / AS free FROM /, "before"],
    ["the BEGIN after it", /^BEGIN$/, "answered"],
    ["the BEGIN after it, which is still on its way", /^BEGIN$/, "before"],
  ] as const)("leaves no transaction open on the connection: %s", async (_, pattern, when) => {
    await using db = await openPostgres();
    await using proxy = await openProxy(db.url);
    await idempotencyOf(db.prisma).run(request("k"), placing("k"));
    await expire(db, "k");
    // Sent one by one, its only BEGIN comes before the time of the transaction begins.
    const prisma = await db.connect({ url: proxy.url, max: 1, messages: "shared" });
    const idempotency = idempotencyOf(prisma, {
      outageMs: 0,
      transaction: { timeoutMs: 100, maxWaitMs: 60_000 },
    });
    await idempotency.run(request("warm"), async () => 1);
    const late = proxy.intercept(pattern, when);
    const place = placing("k");
    const run = idempotency.run(request("k"), place).catch((error: unknown) => error);
    await late.reached;
    // Its claim may block for a second on top.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    late.release();
    expect(await run).toMatchObject({ code: "STORE_UNAVAILABLE" });
    // A write of the application that is acknowledged is committed.
    await prisma.order.create({ data: orderOf("plain") });
    expect([place.runs, await db.countOrders({ key: "plain" })]).toEqual([0, 1]);
    const open = await db.query(
      "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'",
    );
    expect(open).toEqual([]);
    expect(await idempotencyOf(db.prisma).run(request("k"), place)).toMatchObject({ replayed: false });
  });
});

type Query = (query: string | { text?: string }) => Promise<unknown>;

/** A driver whose connections answer otherwise. */
function overPool(url: string, around: (query: Query) => Query): PrismaPg {
  const pool = new Pool({ connectionString: url, options: "-c TimeZone=UTC" });
  pool.on("error", () => {});
  pool.on("connect", (client: PoolClient) => {
    const query = client.query.bind(client) as unknown as Query;
    Object.assign(client, { query: around(query) });
  });
  return new PrismaPg(pool, { disposeExternalPool: true });
}

const textOf = (query: Parameters<Query>[0]) => (typeof query === "string" ? query : query.text);

const STRANGE: Record<string, (url: string) => PrismaPg> = {
  "whose driver answers with the last result alone": (url) =>
    overPool(url, (send) => async (query) => {
      const results = await send(query);
      return Array.isArray(results) ? (results.at(-1) as unknown) : results;
    }),
  "whose driver refuses several statements": (url) =>
    overPool(url, (send) => async (query) => {
      if (textOf(query)?.includes(";")) throw new Error("one statement at a time");
      return send(query);
    }),
  "that another library has bound to itself": (url) => {
    const factory = new PrismaPg({ connectionString: url, options: "-c TimeZone=UTC" });
    const { connect } = factory;
    factory.connect = async () => {
      const adapter = await connect.call(factory);
      const { startTransaction } = adapter;
      adapter.startTransaction = (level) => startTransaction.call(adapter, level);
      return adapter;
    };
    return factory;
  },
  "that begins in other words": (url) => {
    const factory = new PrismaPg({ connectionString: url, options: "-c TimeZone=UTC" });
    const { connect } = factory;
    factory.connect = async () => {
      const adapter = await connect.call(factory);
      const { startTransaction } = adapter;
      // As another version of the adapter may do.
      adapter.startTransaction = async function begin(this: object, level) {
        const { client } = this as { client: { connect(): Promise<{ query: Query }> } };
        const renamed = async () => {
          const connection = await client.connect();
          const query: Query = (one) =>
            connection.query(textOf(one) === "BEGIN" ? { text: "START TRANSACTION" } : one);
          return Object.assign(Object.create(connection) as typeof connection, { query });
        };
        return startTransaction.call(
          Object.assign(Object.create(this), { client: { connect: renamed } }),
          level,
        );
      };
      return adapter;
    };
    return factory;
  },
};

describe.runIf(onPostgres)("what a deferred trigger raises at COMMIT", () => {
  test.each(["22012", "25006", "25P02", "42501", "42P01", "0A000", "23505", "P0001"])(
    "is told as it is, however the statements are sent: %s",
    async (code) => {
      await using db = await openPostgres();
      await db.query(`CREATE FUNCTION raise() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'of the application' USING ERRCODE = '${code}'; END $$`);
      await db.query(`CREATE CONSTRAINT TRIGGER late AFTER INSERT ON "Order" DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION raise()`);
      for (const messages of ["shared", "one by one"] as const) {
        const idempotency = idempotencyOf(await db.connect({ messages }));
        const told = {
          name: "DriverAdapterError",
          cause: { originalCode: code, originalMessage: "of the application" },
        };
        const run = idempotency.run(request("k"), placing("k"));
        await expect(run).rejects.toMatchObject(told);
        expect([await db.countOrders(), await records(db)]).toEqual([0, []]);
        const leased = idempotency.runLeased(request("leased"), ({ transaction }) =>
          transaction("order", placing("leased")),
        );
        await expect(leased).rejects.toMatchObject(told);
        expect(await db.countOrders()).toBe(0);
        await db.query("DELETE FROM idempotency_record");
      }
    },
  );
});

describe.runIf(onPostgres)("a driver that gives a statement up after a time", () => {
  test("is not taken for another driver, and a retry helps", async () => {
    await using db = await openPostgres();
    await using proxy = await openProxy(db.url);
    const prisma: TestClient = new PrismaClient({
      adapter: new PrismaPg({ connectionString: proxy.url, query_timeout: 300 }),
    });
    try {
      const idempotency = idempotencyOf(prisma);
      const standing = door();
      const first = idempotencyOf(db.prisma).run(request("k"), placing("k", standing.wait));
      await standing.arrived;
      expect(await failureOf(idempotency.run(request("k"), placing("k")))).toMatchObject({ retryable: true });
      standing.open();
      await first;
      expect((await idempotency.run(request("k"), placing("k"))).replayed).toBe(true);
      proxy.reset();
      await idempotency.run(request("other"), placing("other"));
      expect(proxy.statements[0]).toMatch(/^BEGIN;/);
    } finally {
      await prisma.$disconnect();
    }
  });
});

describe.runIf(onPostgres)("an adapter", () => {
  test.each(Object.entries(STRANGE))(
    "%s is found out at the first run: its statements go one by one",
    async (_, adapterOf) => {
      await using db = await openPostgres();
      await using proxy = await openProxy(db.url);
      const prisma: TestClient = new PrismaClient({ adapter: adapterOf(proxy.url) });
      try {
        const run = (key: string) => idempotencyOf(prisma).run(request(key), placing(key));
        const warnings = await warningsDuring(async () => {
          expect([(await run("a")).replayed, (await run("a")).replayed]).toEqual([false, true]);
          proxy.reset();
          expect([(await run("b")).replayed, (await run("b")).replayed]).toEqual([false, true]);
        });
        // Once in this process, where another test may have come before.
        expect(warnings.length).toBeLessThanOrEqual(1);
        for (const { message } of warnings)
          expect(message).toMatch(/^onceonly: @prisma\/adapter-pg.* one by one/);
        expect(proxy.statements.filter((text) => text.includes(";"))).toEqual([]);
        expect([await db.countOrders(), (await records(db)).length]).toEqual([2, 2]);
      } finally {
        await prisma.$disconnect();
      }
    },
  );

  test("may isolate its transactions: the level holds for the claim and the handler", async () => {
    await using db = await openPostgres();
    for (const messages of ["shared", "one by one"] as const) {
      const client = await db.connect({ messages });
      const { value } = await idempotencyOf(client, { transaction: { isolationLevel: "Serializable" } }).run(
        request(messages),
        async ({ tx }) => tx.$queryRawUnsafe<object[]>("SHOW transaction_isolation"),
      );
      expect(value).toEqual([{ transaction_isolation: "serializable" }]);
    }
  });
});
