import { createSchema, createYoga } from "graphql-yoga";
import { describe, expect, test } from "vitest";
import { withIdempotency } from "../../src/http/index.ts";
import { consumeOnce } from "../../src/messages/index.ts";
import { useIdempotency } from "../../src/yoga/index.ts";
import type { TestClient } from "../support/clients.ts";
import { databases, onPostgres, openPostgres } from "../support/database.ts";
import { failureOf, idempotencyOf, placing, request } from "../support/runs.ts";
import { openProxy } from "../support/tcp-proxy.ts";
import { idempotentOn, t, app as trpcApp } from "../trpc/support.ts";

describe.each(databases)("what looks like a repetition, on $name", ({ open }) => {
  test.each([true, false])("changes no answer: isRetry is %j", async (isRetry) => {
    await using db = await open();
    const fresh = async () => idempotencyOf(await db.connect(), { storeError: () => true });
    const place = placing("k");
    const first = await (await fresh()).run(request("k", { isRetry, input: 1 }), place);
    expect(first.replayed).toBe(false);
    const again = await (await fresh()).run(request("k", { isRetry, input: 1 }), place);
    expect(again).toEqual({ value: first.value, replayed: true });
    const reused = await failureOf((await fresh()).run(request("k", { isRetry, input: 2 }), place));
    expect(reused.code).toBe("KEY_REUSED");
    const fail = () => Promise.reject(new Error("sold out"));
    await (await fresh()).runSettled(request("f", { isRetry }), fail);
    expect(await (await fresh()).runSettled(request("f", { isRetry }), fail)).toMatchObject({
      status: "failed",
      replayed: true,
      error: { message: "sold out" },
    });
    expect([place.runs, await db.countOrders()]).toEqual([1, 1]);
  });

  test("is executed when its record has expired, or a leased run has it", async () => {
    await using db = await open();
    const place = placing("k");
    await idempotencyOf(db.prisma).run(request("k"), place);
    await db.query(
      db.provider === "sqlite"
        ? "UPDATE idempotency_record SET expires_at = strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')"
        : "UPDATE idempotency_record SET expires_at = clock_timestamp()",
    );
    const other = idempotencyOf(await db.connect());
    expect((await other.run(request("k", { isRetry: true }), place)).replayed).toBe(false);
    expect(place.runs).toBe(2);
    const rejecting = idempotencyOf(db.prisma, { onDuplicate: "reject" });
    await rejecting.runLeased(request("leased"), async () => {
      const twin = idempotencyOf(await db.connect(), { onDuplicate: "reject" });
      const error = await failureOf(twin.run(request("leased", { isRetry: true }), place));
      expect(error.code).toBe("IN_PROGRESS");
    });
  });

  test("is said by true or false only", async () => {
    await using db = await open();
    const run = idempotencyOf(db.prisma).run(request("k", { isRetry: "yes" as never }), async () => 1);
    await expect(run).rejects.toThrow("onceonly: option isRetry is of type string");
  });
});

const json = { "content-type": "application/json" };

/** Each sends one call to a server of its own, which has seen nothing before. */
const adapters: Record<string, (prisma: TestClient, headers: Record<string, string>) => Promise<unknown>> = {
  HTTP: async (prisma, headers) => {
    const handle = withIdempotency({ idempotency: idempotencyOf(prisma), scope: "global" }, async () =>
      Response.json("done"),
    );
    return handle(
      new Request("http://test/", {
        method: "POST",
        headers: { ...json, "idempotency-key": '"k"', ...headers },
      }),
    );
  },
  tRPC: async (prisma, headers) => {
    const place = t.procedure.use(idempotentOn(prisma)).mutation(() => "done");
    return trpcApp(t.router({ place }), prisma).send("place", { key: '"k"', headers });
  },
  Yoga: async (prisma, headers) => {
    const yoga = createYoga({
      schema: createSchema({
        typeDefs: "type Query { a: Int } type Mutation { place: String }",
        resolvers: { Mutation: { place: () => "done" } },
      }),
      plugins: [useIdempotency({ idempotency: idempotencyOf(prisma), scope: "global" })],
    });
    const body = JSON.stringify({ query: "mutation { place }" });
    const all = { ...json, "idempotency-key": '"k"', ...headers };
    return (await yoga.fetch("http://test/graphql", { method: "POST", headers: all, body })).text();
  },
};

/** As brokers and their clients mark what they deliver again. */
const redelivered: Record<string, object> = {
  "AMQP's flag": { fields: { redelivered: true } },
  "the count of JetStream": { info: { deliveryCount: 2 } },
  "the flag of JetStream": { redelivered: true },
  "the count of SQS": { Attributes: { ApproximateReceiveCount: "2" } },
};
const firstDelivery: Record<string, object> = {
  "AMQP's flag": { fields: { redelivered: false } },
  "no mark": {},
  "marks that nobody can read": { fields: null, info: { deliveryCount: "2" }, Attributes: 5 },
};

describe.runIf(onPostgres)("on PostgreSQL, a replay that another process stored takes", () => {
  async function watched() {
    const db = await openPostgres();
    const proxy = await openProxy(db.url);
    const client = await db.connect({ url: proxy.url, max: 1 });
    idempotencyOf(client);
    await client.$queryRawUnsafe("SELECT 1");
    const close = async () => {
      await db[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    };
    return { client, proxy, [Symbol.asyncDispose]: close };
  }

  test("one statement and no transaction with the hint, two messages without; the hint costs a fresh key one", async () => {
    await using db = await watched();
    const count = async (key: string, isRetry: boolean) => {
      const idempotency = idempotencyOf(db.client);
      db.proxy.reset();
      const { replayed } = await idempotency.run(request(key, { isRetry }), async () => "done");
      return [replayed, db.proxy.statements.length, db.proxy.roundTrips];
    };
    expect(await count("a", false)).toEqual([false, 2, 2]);
    expect(await count("b", true)).toEqual([false, 3, 3]);
    expect(await count("a", false)).toEqual([true, 2, 2]);
    expect(await count("a", true)).toEqual([true, 1, 1]);
  });

  test.each(Object.entries(adapters))("one statement over %s with Idempotency-Retry: ?1", async (_, send) => {
    await using db = await watched();
    const first = await send(db.client, {});
    const counts = [];
    for (const header of ["?1", "?0", "1", undefined]) {
      db.proxy.reset();
      const answer = await send(db.client, header === undefined ? {} : { "idempotency-retry": header });
      counts.push(db.proxy.statements.length);
      expect(typeof answer).toBe(typeof first);
    }
    expect(counts).toEqual([1, 2, 2, 2]);
  });

  test.each([
    ...Object.entries(redelivered).map(([mark, message]) => [mark, message, 1] as const),
    ...Object.entries(firstDelivery).map(([mark, message]) => [mark, message, 2] as const),
  ])("of a message with %s: %j, %d messages", async (_, message, statements) => {
    await using db = await watched();
    const consume = () =>
      consumeOnce({ idempotency: idempotencyOf(db.client), consumer: "shipping", id: () => "m1" })(
        async () => {},
      );
    expect(await consume()(message)).toEqual({ outcome: "consumed", replayed: false });
    db.proxy.reset();
    expect(await consume()(message)).toEqual({ outcome: "consumed", replayed: true });
    expect(db.proxy.statements.length).toBe(statements);
  });
});
