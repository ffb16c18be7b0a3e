import { describe, expect, test } from "vitest";
import { savepointName } from "../../src/prisma/client/savepoint.ts";
import type { ClientOptions } from "../support/clients.ts";
import { databases, onPostgres, openPostgres } from "../support/database.ts";
import { idempotencyOf, orderOf, placing, request } from "../support/runs.ts";
import { openProxy } from "../support/tcp-proxy.ts";

/** A pool of one connection, opened already, through a proxy that sees what passes. */
async function watched(messages: ClientOptions["messages"] = "shared") {
  const db = await openPostgres();
  const proxy = await openProxy(db.url);
  const client = await db.connect({ url: proxy.url, max: 1, messages });
  idempotencyOf(client);
  await client.$queryRawUnsafe("SELECT 1");
  const close = async () => {
    await db[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
  };
  return { client, proxy, [Symbol.asyncDispose]: close };
}

/** The first words of each statement, white space aside; those of a message with a "+" between them. */
const shapes = (messages: string[]) =>
  messages.map((message) =>
    message
      .split(";\n")
      .map((text) => text.replaceAll(/\s+/g, " ").trim().slice(0, 44).trim())
      .join(" + "),
  );

const SAVEPOINT = `SAVEPOINT ${savepointName(0)}`;
const BACK = `ROLLBACK TO SAVEPOINT ${savepointName(0)}`.slice(0, 44);
const INSERT = 'INSERT INTO "idempotency_record" ("id", "sco';
const READ = 'SELECT false AS mine, "attempt" AS attempt,';
const FINISHED = 'SELECT "id" AS id, "status" AS status, "fing';
const CLAIM = "WITH bound AS MATERIALIZED ( SELECT coalesce";
const COMPLETE = 'UPDATE "idempotency_record" SET "status" = $';
const COMPLETE_OR_FAIL = 'WITH stored AS (UPDATE "idempotency_record"';
const RENEW = 'UPDATE "idempotency_record" SET "locked_unti';
const RECORD = 'INSERT INTO "idempotency_step" ("record_id",';
const HANDLER = "SELECT 'handler'";

const handler = ({ tx }: { tx: { $queryRawUnsafe: (sql: string) => PromiseLike<unknown> } }) =>
  Promise.resolve(tx.$queryRawUnsafe(HANDLER)).then(() => "done");

describe.runIf(onPostgres)("what reaches PostgreSQL", () => {
  const fresh = async (db: Awaited<ReturnType<typeof watched>>, options = {}) => {
    db.proxy.reset();
    await idempotencyOf(db.client, options).run(request("k"), handler);
    return [shapes(db.proxy.statements), db.proxy.roundTrips];
  };

  test("for a fresh key is what the handler's own transaction takes: the claim comes with BEGIN, the result with COMMIT", async () => {
    await using db = await watched();
    const [begin, commit] = [`BEGIN + ${INSERT}`, `${COMPLETE_OR_FAIL} + COMMIT`];
    expect(await fresh(db)).toEqual([[begin, HANDLER, commit], 3]);
  });

  test("for a fresh key over an adapter that nobody knows is a message for each statement", async () => {
    await using db = await watched("one by one");
    expect(await fresh(db)).toEqual([["BEGIN", INSERT, HANDLER, COMPLETE, "COMMIT"], 5]);
  });

  test("has the isolation level in the message of BEGIN too", async () => {
    await using db = await watched();
    const [messages, roundTrips] = await fresh(db, { transaction: { isolationLevel: "Serializable" } });
    const begin = `BEGIN + SET TRANSACTION ISOLATION LEVEL SERIALIZABLE + ${INSERT}`;
    expect([messages, roundTrips]).toEqual([[begin, HANDLER, `${COMPLETE_OR_FAIL} + COMMIT`], 3]);
  });

  test("for a leased run with one transaction is the claim, that transaction, which renews the lease, and the result", async () => {
    await using db = await watched();
    await idempotencyOf(db.client).runLeased(request("k"), ({ transaction }) =>
      transaction("order", handler),
    );
    const transaction = ["BEGIN", RENEW, HANDLER, RECORD, "COMMIT"];
    expect(shapes(db.proxy.statements).slice(1)).toEqual([CLAIM, ...transaction, COMPLETE]);
  });

  test("for a replay of a record that another process made is two messages", async () => {
    await using db = await watched();
    await idempotencyOf(db.client).run(request("k"), handler);
    db.proxy.reset();
    expect((await idempotencyOf(db.client).run(request("k"), handler)).replayed).toBe(true);
    expect(shapes(db.proxy.statements)).toEqual([`BEGIN + ${INSERT}`, `${READ} + COMMIT`]);
    expect(db.proxy.roundTrips).toBe(2);
  });

  test("for such a replay over an adapter that nobody knows is four", async () => {
    await using db = await watched("one by one");
    await idempotencyOf(db.client).run(request("k"), handler);
    db.proxy.reset();
    expect((await idempotencyOf(db.client).run(request("k"), handler)).replayed).toBe(true);
    expect(shapes(db.proxy.statements)).toEqual(["BEGIN", INSERT, READ, "COMMIT"]);
  });

  test("for a replay of one that this process has seen is a single read, without a transaction", async () => {
    await using db = await watched();
    const idempotency = idempotencyOf(db.client);
    await idempotency.run(request("k"), handler);
    const other = idempotencyOf(db.client);
    await other.run(request("k"), handler);
    for (const knowing of [idempotency, other]) {
      db.proxy.reset();
      expect((await knowing.run(request("k"), handler)).replayed).toBe(true);
      expect(shapes(db.proxy.statements)).toEqual([FINISHED]);
      expect(db.proxy.roundTrips).toBe(1);
    }
  });

  test("for many replays at the same time is one read", async () => {
    await using db = await watched();
    const idempotency = idempotencyOf(db.client);
    const keys = ["1", "2", "3", "4"];
    for (const key of keys) await idempotency.run(request(key), handler);
    db.proxy.reset();
    await Promise.all(keys.map((key) => idempotency.run(request(key), handler)));
    expect(shapes(db.proxy.statements)).toEqual([FINISHED]);
  });

  test("for an expired record begins again, with the claim that takes it over", async () => {
    await using db = await watched();
    const idempotency = idempotencyOf(db.client);
    await idempotencyOf(db.client).run(request("k"), handler);
    await db.client.$executeRawUnsafe("UPDATE idempotency_record SET expires_at = now()");
    db.proxy.reset();
    expect((await idempotency.run(request("k"), handler)).replayed).toBe(false);
    expect(shapes(db.proxy.statements)).toEqual([
      `BEGIN + ${INSERT}`,
      `${READ} + COMMIT`,
      "BEGIN",
      CLAIM,
      HANDLER,
      `${COMPLETE_OR_FAIL} + COMMIT`,
    ]);
  });

  test("for a replay writes nothing: no row version, no transaction id", async () => {
    await using db = await openPostgres();
    const idempotency = idempotencyOf(db.prisma);
    await idempotency.run(request("k"), async () => 1);
    const versions = () => db.query("SELECT xmin::text, xmax::text, ctid::text FROM idempotency_record");
    const before = await versions();
    await idempotency.run(request("k"), async () => 1);
    await idempotencyOf(db.prisma).run(request("k"), async () => 1);
    expect(await versions()).toEqual(before);
  });

  const undoable = { storeError: () => true };

  test("for a run that may store an error has the savepoint in the message of BEGIN", async () => {
    await using db = await watched();
    const begin = `BEGIN + ${INSERT} + ${SAVEPOINT}`;
    expect(await fresh(db, undoable)).toEqual([[begin, HANDLER, `${COMPLETE_OR_FAIL} + COMMIT`], 3]);
  });

  test("for a run that may store an error over an adapter that nobody knows has one SAVEPOINT more", async () => {
    await using db = await watched("one by one");
    expect(await fresh(db, undoable)).toEqual([["BEGIN", INSERT, SAVEPOINT, HANDLER, COMPLETE, "COMMIT"], 6]);
  });

  test("for a run that takes a record over sets the savepoint after that", async () => {
    await using db = await watched();
    await fresh(db, undoable);
    await db.client.$executeRawUnsafe("UPDATE idempotency_record SET expires_at = now()");
    db.proxy.reset();
    const failing = idempotencyOf(db.client, undoable).runSettled(request("k"), () =>
      Promise.reject(new Error("no")),
    );
    expect(await failing).toMatchObject({ status: "failed", replayed: false });
    expect(shapes(db.proxy.statements)).toEqual([
      `BEGIN + ${INSERT} + ${SAVEPOINT}`,
      `${READ} + COMMIT`,
      "BEGIN",
      CLAIM,
      SAVEPOINT,
      BACK,
      `${COMPLETE_OR_FAIL} + COMMIT`,
    ]);
  });

  test("for a stored error goes back to the savepoint, and commits the record", async () => {
    await using db = await watched();
    db.proxy.reset();
    await idempotencyOf(db.client, undoable).runSettled(request("k"), (context) =>
      handler(context).then(() => Promise.reject(new Error("no"))),
    );
    expect(shapes(db.proxy.statements)).toEqual([
      `BEGIN + ${INSERT} + ${SAVEPOINT}`,
      HANDLER,
      BACK,
      `${COMPLETE_OR_FAIL} + COMMIT`,
    ]);
  });

  test("for an error that is not stored is ROLLBACK, and no statement about the record", async () => {
    await using db = await watched();
    db.proxy.reset();
    await expect(
      idempotencyOf(db.client).run(request("k"), (context) =>
        handler(context).then(() => Promise.reject(new Error("no"))),
      ),
    ).rejects.toThrow("no");
    expect(shapes(db.proxy.statements)).toEqual([`BEGIN + ${INSERT}`, HANDLER, "ROLLBACK"]);
  });

  test("for a result that cannot be stored is ROLLBACK", async () => {
    await using db = await watched();
    db.proxy.reset();
    await expect(idempotencyOf(db.client).run(request("k"), async () => () => 1)).rejects.toThrow(
      "cannot be stored",
    );
    expect(shapes(db.proxy.statements)).toEqual([`BEGIN + ${INSERT}`, "ROLLBACK"]);
  });

  test("for a call without a key is the handler's alone, in a transaction", async () => {
    await using db = await watched();
    db.proxy.reset();
    await idempotencyOf(db.client).runUnkeyed(handler);
    expect(shapes(db.proxy.statements)).toEqual(["BEGIN", HANDLER, "COMMIT"]);
  });

  test("one by one, is parameterised: no key, scope, operation or result stands in the text of a statement", async () => {
    await using db = await watched("one by one");
    const secret = "secret-of-the-user";
    const idempotency = idempotencyOf(db.client);
    db.proxy.reset();
    await idempotency.run(
      { operation: secret, scope: secret, key: secret, input: secret },
      async () => secret,
    );
    expect(db.proxy.statements.join("\n")).not.toContain(secret);
    expect(db.proxy.statements).toHaveLength(4);
  });

  test("uses the primary key for a claim, and HOT updates for storing a result", async () => {
    await using db = await openPostgres();
    const idempotency = idempotencyOf(db.prisma);
    for (let i = 0; i < 20; i += 1) await idempotency.run(request(`k${i}`), async () => i);
    await expect
      .poll(
        async () => {
          await db.prisma.$queryRawUnsafe("SELECT pg_stat_force_next_flush()::text").catch(() => {});
          const [row] = await db.query(
            "SELECT n_tup_upd::int AS updates, n_tup_hot_upd::int AS hot FROM pg_stat_user_tables WHERE relname = 'idempotency_record'",
          );
          return row;
        },
        { interval: 250 },
      )
      // A page that is full takes no new version; one changed index column would end them all.
      .toEqual({ updates: 20, hot: expect.toSatisfy((hot: number) => hot >= 18) });
  });
});

describe.each(databases)("what reaches the driver on $name", ({ name, open }) => {
  test("claims before the handler's first statement", async () => {
    await using db = await open();
    const statements: string[] = [];
    const client = await db.connect({ log: (text) => statements.push(text) });
    await idempotencyOf(client).run(request("k"), placing("k"));
    const order = statements.findIndex((text) => /INSERT INTO .*Order/.test(text));
    const claim = statements.findIndex((text) => /INSERT INTO ["`]idempotency_record["`]/.test(text));
    expect(claim).toBeGreaterThanOrEqual(0);
    expect(claim).toBeLessThan(order);
    expect(statements.filter((text) => text.includes("idempotency_record"))).toHaveLength(2);
    expect(statements.filter((text) => text.includes("idempotency_record"))[1]).toMatch(/^UPDATE/);
    expect(name).toBe(db.provider);
  });

  test("reads no model of the application", async () => {
    await using db = await open();
    await db.prisma.order.create({ data: orderOf("k") });
    const statements: string[] = [];
    const idempotency = idempotencyOf(await db.connect({ log: (text) => statements.push(text) }));
    await idempotency.run(request("k"), async () => 1);
    await idempotency.run(request("k"), async () => 1);
    await idempotency.prune();
    expect(statements.filter((text) => /Order|Account/.test(text))).toEqual([]);
  });
});
