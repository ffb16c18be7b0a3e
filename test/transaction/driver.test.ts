import { describe, expect, it } from "vitest";
import { account, undo } from "../ambient/support.ts";
import type { ClientOptions, TestClient } from "../support/clients.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import type { Provider } from "../support/providers.ts";
import { door, idempotencyOf, orderOf, placing, request } from "../support/runs.ts";

/** A client, what it says it sent, and what reached its driver. */
async function overheard(database: TestDatabase, options: ClientOptions = {}) {
  const sent: string[] = [];
  const arrived: string[] = [];
  const client = await database.connect({ ...options, log: (text) => arrived.push(text) });
  (client as unknown as { $on: Listen }).$on("query", ({ query }) => sent.push(query));
  return { client, sent: () => ofOurs(sent), arrived: () => ofOurs(arrived) };
}

type Listen = (event: "query", listener: (event: { query: string }) => void) => void;

/** The first words of the statements about records. */
const ofOurs = (statements: string[]) =>
  statements
    .filter((text) => text.includes("idempotency_record"))
    .map((text) => text.replace(/^SET STATEMENT .*? FOR /, "").slice(0, 6));

/** On MariaDB the claim returns a row, which only the client can read. */
const throughClient = (name: Provider) => (name === "mariadb" ? ["INSERT"] : []);

const place = (client: TestClient, key: string) => idempotencyOf(client).run(request(key), placing(key));

describe.each(databases)("our writes on $name", ({ name, open }) => {
  it("go to the driver past the client, in the client's transaction", async () => {
    await using database = await open();
    const { client, sent, arrived } = await overheard(database);
    await place(client, "k");
    expect([sent(), arrived()]).toEqual([throughClient(name), ["INSERT", "UPDATE"]]);
    expect(await database.countOrders()).toBe(1);
    // Twice for one client is once for its driver.
    idempotencyOf(client);
    await place(client, "l");
    expect(arrived()).toEqual(["INSERT", "UPDATE", "INSERT", "UPDATE"]);
  });

  it.runIf(name !== "mariadb")(
    "go through the client where it was connected before, with the same effect",
    async () => {
      await using database = await open();
      const { client, sent, arrived } = await overheard(database);
      await client.$connect();
      await place(client, "k");
      expect([sent(), arrived()]).toEqual([
        ["INSERT", "UPDATE"],
        ["INSERT", "UPDATE"],
      ]);
      const failing = idempotencyOf(client).run(request("l"), async ({ tx }) => {
        await tx.order.create({ data: orderOf("l") });
        return undo();
      });
      await expect(failing).rejects.toThrow();
      expect(await database.countOrders()).toBe(1);
      expect(await database.query("SELECT key FROM idempotency_record")).toEqual([{ key: "k" }]);
    },
  );

  it("go on past the client when the handler went back to a savepoint", async () => {
    await using database = await open();
    const { client, sent, arrived } = await overheard(database);
    const idempotency = idempotencyOf(client, { storeError: () => true });
    const stored = idempotency.run(request("k"), async ({ tx }) => {
      await tx.$executeRawUnsafe("SAVEPOINT mine");
      await tx.account.create(account("a"));
      await tx.$executeRawUnsafe("ROLLBACK TO SAVEPOINT mine");
      return undo();
    });
    await expect(stored).rejects.toThrow();
    expect([sent(), arrived()]).toEqual([throughClient(name), ["INSERT", "UPDATE"]]);
    expect(await database.query("SELECT status FROM idempotency_record")).toEqual([{ status: "failed" }]);
  });

  it("of a run that is late are not sent: the connection is in somebody else's transaction by then", async () => {
    await using database = await open();
    const { client, arrived } = await overheard(database, { max: 1 });
    const idempotency = idempotencyOf(client);
    const late = door();
    const slow = idempotency.run(request("slow", { transaction: { timeoutMs: 100 } }), async ({ tx }) => {
      await tx.order.create({ data: orderOf("slow") });
      await late.wait();
      return "late";
    });
    const tooLate = slow.catch((error: unknown) => error);
    const inside = door();
    const next = idempotency.run(
      request("next", { transaction: { maxWaitMs: 10_000 }, operation: "next" }),
      async ({ tx }) => {
        await tx.order.create({ data: orderOf("next") });
        await inside.wait();
      },
    );
    await inside.arrived;
    expect(arrived()).toEqual(["INSERT", "INSERT"]);
    late.open();
    expect(await tooLate).toMatchObject({ code: "P2028" });
    expect(arrived()).toEqual(["INSERT", "INSERT"]);
    inside.open();
    await next;
    expect(arrived()).toEqual(["INSERT", "INSERT", "UPDATE"]);
    expect(await database.countOrders()).toBe(1);
  });

  it("go to no other database, though an extension begins a transaction there around ours", async () => {
    await using database = await open();
    await using elsewhere = await open();
    const other = elsewhere.prisma;
    idempotencyOf(other);
    const around = database.prisma.$extends({
      client: {
        $transaction(work: (tx: unknown) => Promise<unknown>, options?: object) {
          const begin = database.prisma.$transaction.bind(database.prisma) as (...args: unknown[]) => unknown;
          return begin((tx: unknown) => other.$transaction(async () => work(tx)), options);
        },
      },
    });
    await place(around as unknown as TestClient, "k");
    expect(await database.query("SELECT key FROM idempotency_record")).toEqual([{ key: "k" }]);
    expect(await elsewhere.query("SELECT key FROM idempotency_record")).toEqual([]);
  });
});

const many = databases.filter(({ name }) => name === "postgresql");

describe.each(many)("our writes on $name, where a client has many transactions", ({ open }) => {
  it("go through the client when an extension begins another one of it around ours", async () => {
    await using database = await open();
    const { client, sent, arrived } = await overheard(database);
    const around = client.$extends({
      client: {
        $transaction(work: (tx: unknown) => Promise<unknown>, options?: object) {
          const begin = client.$transaction.bind(client) as (...args: unknown[]) => unknown;
          return begin((tx: unknown) => client.$transaction(async () => work(tx)), options);
        },
      },
    });
    await place(around as unknown as TestClient, "k");
    expect([sent(), arrived()]).toEqual([
      ["INSERT", "UPDATE"],
      ["INSERT", "UPDATE"],
    ]);
    expect(await database.countOrders()).toBe(1);
  });
});
