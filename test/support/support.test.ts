import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { databases, onPostgres, openPostgres, openSqlite } from "./database.ts";
import { gate } from "./gate.ts";
import type { FromWorker, ToWorker } from "./support-worker.ts";
import { openProxy } from "./tcp-proxy.ts";
import { spawnWorker } from "./worker.ts";

const order = { key: "k", customer: "c", item: "book", quantity: 2, total: "12.50", big: 2n ** 60n };

describe.each(databases)("test database on $name", ({ name, open }) => {
  it("opens a fresh database with our table and the application's", async () => {
    await using database = await open();
    await database.prisma.order.create({ data: { ...order, data: new Uint8Array([1, 2]) } });
    const read = await database.prisma.order.findFirstOrThrow();
    expect(read).toMatchObject({ ...order, total: expect.anything(), data: new Uint8Array([1, 2]) });
    expect(String(read.total)).toBe("12.5");
    expect(await database.countOrders()).toBe(1);
    expect(await database.countOrders({ key: "k", item: "book" })).toBe(1);
    expect(await database.countOrders({ key: "other" })).toBe(0);
    expect(await database.query("SELECT * FROM idempotency_record")).toEqual([]);

    await using other = await open();
    expect(await other.countOrders()).toBe(0);
  });

  it("opens clients whose names are mapped, and hands out their statements", async () => {
    const statements: string[] = [];
    await using database = await open({ variant: "mapped", log: (statement) => statements.push(statement) });
    expect(await database.prisma.idempotencyRecord.count()).toBe(0);
    expect(statements.join()).toContain("idempotency records");
  });

  it("counts committed orders only, while another client's transaction is open", async () => {
    await using database = await open();
    const other = await database.connect();
    const written = gate();
    const commit = gate();
    const writing = other.$transaction(async (tx) => {
      await tx.order.create({ data: order });
      written.open();
      await commit.opened;
    });
    await written.opened;
    expect(await database.countOrders()).toBe(0);
    commit.open();
    await writing;
    expect(await database.countOrders()).toBe(1);
  });

  it("leaves nothing of a process that is killed inside its transaction", async () => {
    await using database = await open();
    const target = { provider: name, url: database.url };
    const script = new URL("support-worker.ts", import.meta.url);
    await using worker = spawnWorker<FromWorker, ToWorker>(script, target);
    worker.send({ type: "ask", value: 2n ** 70n });
    expect(await worker.waitFor("echo")).toEqual({ type: "echo", value: 2n ** 70n });
    await worker.waitFor("written");
    await worker.kill("SIGKILL");
    expect(await worker.exited).toEqual({ code: null, signal: "SIGKILL" });
    await expect(worker.waitFor("echo")).rejects.toThrow("the worker ended");
    // Waits for the lock of the killed one, where it is not gone yet.
    await database.prisma.order.create({ data: order });
    expect(await database.countOrders({ key: "killed" })).toBe(0);
  });

  it("tells why a worker failed", async () => {
    await using database = await open();
    const target = { provider: name, url: database.url };
    const script = new URL("support-worker.ts", import.meta.url);
    await using worker = spawnWorker<FromWorker, ToWorker>(script, target);
    worker.send({ type: "ask", value: 1n });
    await worker.waitFor("written");
    worker.send({ type: "fail" });
    expect((await worker.exited).code).toBe(1);
    await expect(worker.waitFor("written")).rejects.toThrow("told to fail");
  });
});

describe("openSqlite", () => {
  it("removes its file", async () => {
    const database = await openSqlite();
    const file = fileURLToPath(database.url);
    expect(existsSync(file)).toBe(true);
    await database[Symbol.asyncDispose]();
    expect(existsSync(file)).toBe(false);
  });

  it("lets readers through while a writer is busy (WAL)", async () => {
    await using database = await openSqlite();
    expect(await database.query("PRAGMA journal_mode")).toEqual([{ journal_mode: "wal" }]);
  });
});

describe.runIf(onPostgres)("openPostgres", () => {
  it("serves the classic generator", async () => {
    await using database = await openPostgres({ variant: "classic" });
    await database.prisma.order.create({ data: order });
    expect(await database.countOrders()).toBe(1);
  });

  it("drops its database", async () => {
    await using observer = await openPostgres();
    const database = await openPostgres();
    const name = new URL(database.url).pathname.slice(1);
    const found = () => observer.query("SELECT 1 FROM pg_database WHERE datname = $1", [name]);
    expect(await found()).toHaveLength(1);
    await database[Symbol.asyncDispose]();
    expect(await found()).toHaveLength(0);
  });

  it("sees who waits for a lock", async () => {
    await using database = await openPostgres({ max: 3 });
    await database.prisma.account.create({ data: { id: "a", balance: 0 } });
    const credit = { where: { id: "a" }, data: { balance: { increment: 1 } } };
    let waiters: Promise<unknown>[] = [];
    await database.prisma.$transaction(async (tx) => {
      await tx.account.update(credit);
      waiters = [1, 2].map(async () => database.prisma.account.update(credit));
      const blocked = await database.waitForBlockedBackend(2);
      expect(blocked.map(({ query }) => query)).toEqual([
        expect.stringContaining("Account"),
        expect.stringContaining("Account"),
      ]);
    });
    await Promise.all(waiters);
    expect(await database.query('SELECT balance FROM "Account"')).toEqual([{ balance: 3 }]);
  });
});

async function openBehindProxy() {
  const database = await openPostgres();
  const proxy = await openProxy(database.url);
  const prisma = await database.connect({ url: proxy.url, max: 2 });
  const place = () => prisma.$transaction((tx) => tx.order.create({ data: order }));
  const close = async () => {
    await proxy[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  };
  return { database, proxy, prisma, place, [Symbol.asyncDispose]: close };
}

describe.runIf(onPostgres)("openProxy", () => {
  it("counts round trips and lists statements", async () => {
    await using setup = await openBehindProxy();
    await setup.prisma.$queryRawUnsafe("SELECT 1");
    setup.proxy.reset();
    await setup.place();
    expect(setup.proxy.roundTrips).toBe(3);
    const beginnings = setup.proxy.statements.map((text) => text.split(" ")[0]);
    expect(beginnings).toEqual(["BEGIN", "INSERT", "COMMIT"]);
  });

  it.each([
    { when: "before", rows: 0 },
    { when: "after", rows: 1 },
    { when: "answered", rows: 1 },
  ] as const)("cuts $when COMMIT", async ({ when, rows }) => {
    await using setup = await openBehindProxy();
    const cut = setup.proxy.cutCommit(when);
    await expect(setup.place()).rejects.toThrow(/connection/i);
    await cut.reached;
    // Forwarded does not mean executed yet, but it will be.
    await expect.poll(() => setup.database.countOrders()).toBe(rows);
    // The next connection is not touched.
    await setup.place();
    expect(await setup.database.countOrders()).toBe(rows + 1);
  });

  it.each([
    { when: "before", rows: 0 },
    { when: "answered", rows: 1 },
  ] as const)("holds $when COMMIT, and lets go", async ({ when, rows }) => {
    await using setup = await openBehindProxy();
    const hold = setup.proxy.intercept(/^COMMIT/, when);
    const placing = setup.place();
    await hold.reached;
    expect(await setup.database.countOrders()).toBe(rows);
    hold.release();
    await placing;
    expect(await setup.database.countOrders()).toBe(1);
  });

  it("holds after COMMIT was forwarded: the server executes, the client waits", async () => {
    await using setup = await openBehindProxy();
    const hold = setup.proxy.intercept(/^COMMIT/, "after");
    let answered = false;
    const placing = setup.place().then(() => (answered = true));
    await hold.reached;
    await expect.poll(() => setup.database.countOrders()).toBe(1);
    expect(answered).toBe(false);
    hold.release();
    await placing;
  });

  it("stops any other statement too", async () => {
    await using setup = await openBehindProxy();
    setup.proxy.intercept(/^INSERT/, "answered").cut();
    await expect(setup.place()).rejects.toThrow(/connection/i);
    expect(await setup.database.countOrders()).toBe(0);
  });

  it("breaks all connections and refuses new ones", async () => {
    await using setup = await openBehindProxy();
    await setup.place();
    setup.proxy.refusing = true;
    setup.proxy.cutAll();
    await expect(setup.place()).rejects.toThrow(/connection/i);
    setup.proxy.refusing = false;
    await setup.place();
    expect(await setup.database.countOrders()).toBe(2);
  });
});
