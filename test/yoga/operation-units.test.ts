import { createSchema } from "graphql-yoga";
import { describe, expect, it } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { databases, onPostgres, openPostgres } from "../support/database.ts";
import { createDeferred } from "../support/runs.ts";
import { app, type Context, keyed, recordsOf, SECRET, toldIn, unmarked } from "./support.ts";

describe.each(databases)("a mutation with a key, on $name", ({ open }) => {
  const PLACE = `mutation { place(item: "tea") { id item total } }`;

  it("executes once and replays the same bytes", async () => {
    await using db = await open();
    const { send } = app(db);
    const first = await send(keyed(PLACE, "k1"));
    const second = await send(keyed(PLACE, "k1"));
    expect(first.json.data.place.item).toBe("tea");
    expect(first.json.extensions).toEqual({ idempotency: { outcome: "stored", replayed: false } });
    expect(first.headers.has("idempotent-replayed")).toBe(false);
    expect(second.text).not.toBe(first.text);
    expect(unmarked(second)).toBe(unmarked(first));
    expect(second.json.extensions).toEqual({ idempotency: { outcome: "stored", replayed: true } });
    expect(second.headers.get("idempotent-replayed")).toBe("true");
    expect(await db.countOrders()).toBe(1);
    expect(await recordsOf(db)).toMatchObject([{ operation: "mutation", status: "completed" }]);
  });

  it("runs 50 duplicates sent at once as one execution", async () => {
    await using db = await open();
    const { send } = app(db);
    const body = keyed(`mutation { slow(item: "tea") { id } }`, "k1");
    const replies = await Promise.all(Array.from({ length: 50 }, () => send(body)));
    expect(new Set(replies.map(unmarked)).size).toBe(1);
    expect(replies.filter((reply) => toldIn(reply) === "stored")).toHaveLength(1);
    expect(await db.countOrders()).toBe(1);
  });

  it("stores an expected failure, without its writes", async () => {
    await using db = await open();
    const { send } = app(db);
    const body = keyed(`mutation { fail(code: "OUT_OF_STOCK", status: 422) { id } }`, "k1");
    const first = await send(body);
    const second = await send(body);
    expect(first.json.errors[0]).toMatchObject({ path: ["fail"], extensions: { code: "OUT_OF_STOCK" } });
    expect(first.json.errors[0].locations).toEqual([{ line: 1, column: 12 }]);
    expect(unmarked(second)).toBe(unmarked(first));
    expect([first.status, second.status]).toEqual([422, 422]);
    expect(await db.countOrders()).toBe(0);
    expect(await recordsOf(db)).toMatchObject([{ operation: "mutation", status: "failed" }]);
  });

  it("gives the same bytes in another process, of a result and of a failure", async () => {
    await using db = await open();
    for (const [index, mutation] of [
      PLACE,
      `mutation { fail(code: "OUT_OF_STOCK", status: 422) { id } }`,
    ].entries()) {
      const body = keyed(mutation, `k${index}`);
      const first = await app(db).send(body);
      const second = await app(db).send(body);
      expect(unmarked(second)).toBe(unmarked(first));
      expect(second.headers.get("idempotent-replayed")).toBe("true");
    }
    expect(await db.countOrders()).toBe(1);
    expect(await recordsOf(db)).toMatchObject([{ status: "completed" }, { status: "failed" }]);
  });

  it("releases the key on an unexpected error, masks it each time and never stores its text", async () => {
    await using db = await open();
    const { send } = app(db);
    const body = keyed(`mutation { crash { id } }`, "k1");
    for (const reply of [await send(body), await send(body)]) {
      expect(reply.text).not.toContain(SECRET);
      expect(reply.json).toMatchObject({ data: null, errors: [{ message: "Unexpected error." }] });
      expect([toldIn(reply), reply.headers.get("idempotency-outcome")]).toEqual(["released", "released"]);
    }
    expect(await db.countOrders()).toBe(0);
    expect(await recordsOf(db)).toEqual([]);
  });

  it("keeps the text of an unexpected error out of the database, whatever storeError says", async () => {
    await using db = await open();
    const { send } = app(db, { storeError: () => true });
    await send(keyed(`mutation { crash { id } }`, "k1"));
    await send(keyed(`mutation { place(item: "tea") { id risky(code: "CRASH") } }`, "k2"));
    expect(await recordsOf(db)).toEqual([]);
    expect(await db.countOrders()).toBe(0);
  });

  it.each([
    ["no code", "", "released"],
    ["a server's code", `(code: "INTERNAL_SERVER_ERROR")`, "released"],
    ["missing rights", `(code: "FORBIDDEN")`, "released"],
    ["a conflict", `(code: "CONFLICT")`, "released"],
    ["one of our codes", `(code: "IDEMPOTENCY_CONCURRENT_REQUEST")`, "released"],
    ["a server's status", `(code: "OUT_OF_STOCK", status: 502)`, "released"],
    ["too many requests", `(code: "OUT_OF_STOCK", status: 429)`, "released"],
    ["a domain code", `(code: "OUT_OF_STOCK")`, "failed"],
    ["a client's status", "(status: 422)", "failed"],
  ])("treats an error with %s as it should", async (_, args, expected) => {
    await using db = await open();
    const { send } = app(db);
    const body = keyed(`mutation { fail${args} { id } }`, "k1");
    const [first, second] = [await send(body), await send(body)];
    expect((await recordsOf(db)).map(({ status }) => status)).toEqual(
      expected === "failed" ? ["failed"] : [],
    );
    expect(unmarked(second).replace(/"data":[^,]*/, "")).toBe(unmarked(first).replace(/"data":[^,]*/, ""));
    expect(await db.countOrders()).toBe(0);
  });

  it("lets storeError decide per error", async () => {
    await using db = await open();
    const { send } = app(db, { storeError: ({ extensions }) => extensions["code"] === "CONFLICT" });
    await send(keyed(`mutation { fail(code: "CONFLICT") { id } }`, "k1"));
    await send(keyed(`mutation { fail(code: "OUT_OF_STOCK") { id } }`, "k2"));
    expect(await recordsOf(db)).toHaveLength(1);
  });

  it("asks the storeError that createIdempotency got, where the plugin has none", async () => {
    await using db = await open();
    const idempotency = createIdempotency({ prisma: db.prisma, storeError: () => true });
    const { send } = app(db, { idempotency });
    await send(keyed(`mutation { fail(code: "CONFLICT") { id } }`, "k1"));
    await send(keyed("mutation { crash { id } }", "k2"));
    expect(await recordsOf(db)).toMatchObject([{ operation: "mutation", status: "failed" }]);
  });

  it("commits and replays a partial result: data beside expected errors", async () => {
    await using db = await open();
    const { send } = app(db);
    const body = keyed(
      `mutation {
        place(item: "tea") { id risky(code: "NO_RISK") itself { note } }
        fail(code: "OUT_OF_STOCK") { id }
      }`,
      "k1",
    );
    const [first, second] = [await send(body), await send(body)];
    expect(first.json.data.place.risky).toBeNull();
    expect(first.json.errors).toHaveLength(2);
    expect(unmarked(second)).toBe(unmarked(first));
    expect(await db.countOrders({ item: "tea" })).toBe(1);
    expect(await recordsOf(db)).toMatchObject([{ operation: "mutation", status: "completed" }]);
  });

  it("undoes everything when one nested error is unexpected, and shows no data of what it undid", async () => {
    await using db = await open();
    const { send } = app(db);
    const reply = await send(keyed(`mutation { place(item: "tea") { id risky(code: "CRASH") } }`, "k1"));
    expect(reply.json.data).toBeNull();
    expect(await db.countOrders()).toBe(0);
    expect(await recordsOf(db)).toEqual([]);
  });

  it("undoes and stores when a strict field fails as expected after another wrote", async () => {
    await using db = await open();
    const { send } = app(db);
    const body = keyed(`mutation { place(item: "tea") { id } failStrict(code: "NO") { id } }`, "k1");
    const [first, second] = [await send(body), await send(body)];
    expect(first.json.data).toBeNull();
    expect(unmarked(second)).toBe(unmarked(first));
    expect(await db.countOrders()).toBe(0);
    expect(await recordsOf(db)).toMatchObject([{ status: "failed" }]);
  });

  it("refuses the key for other input: another variable, document or operation name", async () => {
    await using db = await open();
    const { send } = app(db);
    const query = `mutation A($i: String!) { place(item: $i) { id } } mutation B($i: String!) { place(item: $i) { id } }`;
    await send({ ...keyed(query, "k1", { i: "tea" }), operationName: "A" });
    const others = [
      { ...keyed(query, "k1", { i: "Tea" }), operationName: "A" },
      { ...keyed(query, "k1", { i: "tea" }), operationName: "B" },
      { ...keyed(query.replace("{ id }", "{ id item }"), "k1", { i: "tea" }), operationName: "A" },
    ];
    for (const other of others) {
      const reply = await send(other);
      expect(reply.status).toBe(422);
      expect(reply.json.errors[0].extensions).toEqual({ code: "IDEMPOTENCY_KEY_PARAMETER_MISMATCH" });
      expect(reply.json.data).toBeUndefined();
      expect([toldIn(reply), reply.headers.get("idempotency-outcome")]).toEqual(["refused", "refused"]);
    }
    const reformatted = { ...keyed(query.replaceAll(" ", "\n "), "k1", { i: "tea" }), operationName: "A" };
    expect(toldIn(await send(reformatted))).toBe("stored, replayed");
    expect(await db.countOrders()).toBe(1);
  });

  it("never makes a record of a request whose variables are wrong", async () => {
    await using db = await open();
    const { send } = app(db, { storeError: () => true });
    const query = "mutation ($i: String!) { place(item: $i) { id } }";
    const bad = await send(keyed(query, "k1", { i: 5 }));
    expect(bad.status).toBe(400);
    expect(await recordsOf(db)).toEqual([]);
    expect((await send(keyed(query, "k1", { i: "tea" }))).json.data.place.id).toBeTypeOf("string");
  });

  it("isolates scopes, shares a global one, and refuses a missing one", async () => {
    await using db = await open();
    const idempotency = createIdempotency({ prisma: db.prisma });
    const own = app(db, { idempotency });
    const ada = await own.send(keyed(PLACE, "k1"), { "x-user": "ada" });
    const bob = await own.send(keyed(PLACE, "k1"), { "x-user": "bob" });
    expect(bob.json.data.place.id).not.toBe(ada.json.data.place.id);

    const all = app(db, { idempotency, scope: "global" });
    const [first, second] = [
      await all.send(keyed(PLACE, "k1"), { "x-user": "ada" }),
      await all.send(keyed(PLACE, "k1"), { "x-user": "bob" }),
    ];
    expect(unmarked(second)).toBe(unmarked(first));

    for (const scope of [() => undefined, async () => null, () => ""]) {
      const reply = await app(db, { idempotency, scope }).send(keyed(PLACE, "k2"));
      expect(reply.status).toBe(500);
      expect(reply.json.errors[0].extensions.code).toBe("IDEMPOTENCY_SCOPE_MISSING");
    }
    expect(await db.countOrders()).toBe(3);
  });

  it("tells IN_PROGRESS with Retry-After when duplicates are rejected", async () => {
    await using db = await open();
    const { send } = app(db, { onDuplicate: "reject" });
    const body = keyed(`mutation { slow(item: "tea") { id } }`, "k1");
    const replies = await Promise.all([send(body), send(body)]);
    const refused = replies.find(({ status }) => status !== 200);
    expect(refused?.status).toBe(409);
    expect(refused?.headers.get("retry-after")).toBe("1");
    expect(refused?.headers.get("idempotency-outcome")).toBe("released");
    expect(refused?.json.errors[0].extensions).toEqual({
      code: "IDEMPOTENCY_CONCURRENT_REQUEST",
      retryAfterMs: 1000,
    });
  });

  it("repeats a mutation that met a write conflict, if asked to", async () => {
    await using db = await open();
    await db.prisma.account.create({ data: { id: "a", balance: 0 } });
    const isolation = { transaction: { isolationLevel: "Serializable" } };
    const { send } = app(db, { retryConflicts: 10, ...isolation });
    const deposit = (key: string) => send(keyed("mutation { deposit(amount: 10) }", key));
    const replies = await Promise.all([deposit("k1"), deposit("k2"), deposit("k3")]);
    const balances = replies.map(({ json }) => json.data.deposit as number);
    expect(balances.sort((a, b) => a - b)).toEqual([10, 20, 30]);
  });
});

describe.runIf(onPostgres)("a mutation with a key whose COMMIT the database refuses", () => {
  it("is told nothing of its key, and executes again", async () => {
    await using db = await openPostgres();
    await createDeferred(db);
    let parent = 2;
    const schema = createSchema<Context>({
      typeDefs: "type Query { hello: String } type Mutation { adopt: Int }",
      resolvers: {
        Mutation: {
          adopt: (_, __, { tx }) => tx?.$executeRawUnsafe(`INSERT INTO child VALUES (${parent})`),
        },
      },
    });
    const { send } = app(db, {}, { schema });
    const refused = await send(keyed("mutation { adopt }", "k1"));
    expect(refused.status).toBe(500);
    expect(refused.json.extensions).toBeUndefined();
    expect(refused.headers.has("idempotency-outcome")).toBe(false);
    expect(await recordsOf(db)).toEqual([]);
    parent = 1;
    expect(toldIn(await send(keyed("mutation { adopt }", "k1")))).toBe("stored");
  });
});
