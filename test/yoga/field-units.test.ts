import { describe, expect, it } from "vitest";
import { databases, openSqlite } from "../support/database.ts";
import { app, keyed, recordsOf, replayedFields, SECRET } from "./support.ts";

const byVariable = (name: string) => `mutation ($${name}: String!, $i: String!, $more: Boolean = false) {
  place(item: $i) @idempotent(key: $${name}) { id } attempt @include(if: $more)
}`;

describe.each(databases)("root fields with @idempotent, on $name", ({ open }) => {
  it("gives each field its own record and transaction", async () => {
    await using db = await open();
    const { send } = app(db);
    const query = `mutation ($a: String!, $b: String!) {
      place(item: "tea") @idempotent(key: $a) { id }
      crash @idempotent(key: $b) { id }
    }`;
    const first = await send({ query, variables: { a: "k1", b: "k2" } });
    expect(first.json.data).toMatchObject({ place: { id: expect.any(String) }, crash: null });
    expect(first.json.errors).toMatchObject([{ path: ["crash"], message: "Unexpected error." }]);
    expect(first.text).not.toContain(SECRET);
    const second = await send({ query, variables: { a: "k1", b: "k2" } });
    expect(second.json.data).toEqual(first.json.data);
    expect(second.json.errors).toEqual(first.json.errors);
    expect(second.json.extensions.idempotency).toEqual({
      outcome: "released",
      replayed: false,
      fields: {
        place: { outcome: "stored", replayed: true },
        crash: { outcome: "released", replayed: false },
      },
    });
    expect(second.headers.get("idempotency-outcome")).toBe("released");
    expect(second.headers.has("idempotent-replayed")).toBe(false);
    expect(await db.countOrders()).toBe(1);
    expect(await recordsOf(db)).toMatchObject([{ operation: "mutation place", status: "completed" }]);
  });

  it("replays each field on its own, next to a field that is new", async () => {
    await using db = await open();
    const { send } = app(db);
    const PLACE = `place(item: "tea") @idempotent(key: "k1") { id }`;
    const alone = await send({ query: `mutation { ${PLACE} }` });
    const both = await send({
      query: `mutation { new: place(item: "cup") @idempotent(key: "k2") { item } ${PLACE} }`,
    });
    expect(Object.keys(both.json.data)).toEqual(["new", "place"]);
    expect(both.json.data).toEqual({ new: { item: "cup" }, ...alone.json.data });
    expect(replayedFields(both)).toEqual(["place"]);
    const replay = await send({ query: `mutation { ${PLACE} }` });
    expect(replay.headers.get("idempotent-replayed")).toBe("true");
    expect(await recordsOf(db)).toMatchObject([
      { operation: "mutation place" },
      { operation: "mutation place" },
    ]);
  });

  it("executes a key once, whatever aliases the same field has beside it", async () => {
    await using db = await open();
    const { send } = app(db);
    const pay = (alias: string, key: string) =>
      `${alias}: place(item: "${key}") @idempotent(key: "${key}") { item }`;
    await send({ query: `mutation { ${pay("a", "k1")} ${pay("b", "k2")} }` });
    const alone = await send({ query: `mutation { ${pay("a", "k1")} }` });
    expect(alone.json.extensions.idempotency.replayed).toBe(true);
    const renamed = await send({ query: `mutation { ${pay("x", "k1")} ${pay("y", "k2")} }` });
    expect(renamed.json.errors.map(({ extensions }: { extensions: object }) => extensions)).toMatchObject([
      { code: "IDEMPOTENCY_KEY_PARAMETER_MISMATCH" },
      { code: "IDEMPOTENCY_KEY_PARAMETER_MISMATCH" },
    ]);
    const twice = await send({ query: `mutation { ${pay("a", "k3")} ${pay("b", "k3")} }` });
    expect(twice.json).toMatchObject({ data: { a: { item: "k3" } }, errors: [{ path: ["b"] }] });
    expect(await db.countOrders()).toBe(3);
  });

  it("keeps aliases apart that share the request's key", async () => {
    await using db = await open();
    const { send } = app(db);
    const query = `mutation {
      x: place(item: "x") { item }
      y: place(item: "y") { item }
      attempt @idempotent(key: "own")
    }`;
    const first = await send(keyed(query, "k"));
    expect(first.json.data).toMatchObject({ x: { item: "x" }, y: { item: "y" } });
    expect(replayedFields(await send(keyed(query, "k")))).toEqual(["x", "y", "attempt"]);
    expect(await db.countOrders()).toBe(2);
  });

  it("answers a field named __proto__ beside one with a key", async () => {
    await using db = await open();
    const { send } = app(db, { requireKey: false });
    const query = `mutation { x: place(item: "x") @idempotent(key: "k") { item } __proto__: attempt }`;
    expect((await send({ query })).text).toContain(`{"data":{"x":{"item":"x"},"__proto__":"undefined`);
  });

  it("reads keys through fragments, and merges the selections of one response name", async () => {
    await using db = await open();
    const { send } = app(db);
    const query = `
      fragment F on Mutation { ...G place(item: "tea") { item } }
      fragment G on Mutation { place(item: "tea") @idempotent(key: "k1") { ...O } }
      fragment O on Order { id }
      mutation { ...F ... on Mutation { place(item: "tea") { total } } ...F }`;
    const [first, second] = [await send({ query }), await send({ query })];
    expect(first.json.data.place).toEqual({ id: expect.any(String), item: "tea", total: "12.5" });
    expect(Object.keys(first.json.data.place)).toEqual(["id", "item", "total"]);
    expect(second.json.data).toEqual(first.json.data);
    const other = await send({ query: query.replace("{ id }", "{ note }") });
    expect(other.json.errors[0].extensions.code).toBe("IDEMPOTENCY_KEY_PARAMETER_MISMATCH");
    expect(await db.countOrders()).toBe(1);
  });

  it("claims nothing for a skipped field", async () => {
    await using db = await open();
    const { send } = app(db);
    const query = `mutation ($yes: Boolean!, $no: Boolean = false) {
      a: place(item: "a") @idempotent(key: "k1") @skip(if: $yes) { item }
      ... @include(if: $no) { b: place(item: "b") @idempotent(key: "k2") { item } }
      c: place(item: "c") @idempotent(key: "k3") @include(if: $yes) { item }
    }`;
    const reply = await send({ query, variables: { yes: true } });
    expect(reply.json.data).toEqual({ c: { item: "c" } });
    expect(Object.keys(reply.json.extensions.idempotency.fields)).toEqual(["c"]);
    expect(await recordsOf(db)).toMatchObject([{ operation: "mutation place" }]);
    const wrong = await send({ query, variables: { yes: true, no: null } });
    expect(wrong.json.errors[0].message).toContain('"Boolean!" must not be null');
    expect((await send({ query, variables: {} })).json.errors[0].message).toContain("$yes");
    expect(await db.countOrders()).toBe(1);
  });

  it("stops at a failed field that may not be null, and keeps what stands before it", async () => {
    await using db = await open();
    const { send } = app(db);
    const query = `mutation {
      a: place(item: "a") @idempotent(key: "k1") { id }
      b: failStrict(code: "NO") @idempotent(key: "k2") { id }
      c: place(item: "c") @idempotent(key: "k3") { id }
    }`;
    const [first, second] = [await send({ query }), await send({ query })];
    expect(first.json).toMatchObject({ data: null, errors: [{ path: ["b"], extensions: { code: "NO" } }] });
    expect(first.json.errors[0].locations).toEqual([{ line: 3, column: 7 }]);
    expect(second.json.errors).toEqual(first.json.errors);
    expect(await recordsOf(db)).toMatchObject([
      { operation: "mutation failStrict", status: "failed" },
      { operation: "mutation place", status: "completed" },
    ]);
    expect(await db.countOrders()).toBe(1);
  });

  it("puts our own errors at the field's path, and stops there if it may not be null", async () => {
    await using db = await open();
    const { send } = app(db);
    await send({ query: `mutation { place(item: "a") @idempotent(key: "k") { id } }` });
    const query = `mutation {
      place(item: "other") @idempotent(key: "k") { id }
      c: place(item: "c") @idempotent(key: "") { id }
      d: place(item: "d") @idempotent(key: "k2") { item }
    }`;
    const reply = await send({ query });
    expect(reply.status).toBe(200);
    expect(reply.json.data).toEqual({ place: null, c: null, d: { item: "d" } });
    expect(reply.json.errors).toMatchObject([
      { path: ["place"], locations: [{ line: 2, column: 7 }] },
      { path: ["c"], extensions: { code: "IDEMPOTENCY_KEY_INVALID" } },
    ]);
    const strict = await send({
      query: `mutation { a: placeStrict(item: "x") @idempotent(key: "é") { id } b: place(item: "y") { id } }`,
    });
    expect(strict.json.data).toBeNull();
    const alone = await send({ query: `mutation { place(item: "other") @idempotent(key: "k") { id } }` });
    expect([alone.status, alone.json.data]).toEqual([422, { place: null }]);
    expect(await db.countOrders()).toBe(2);
  });

  it("executes in document order, one after the other", async () => {
    await using db = await open();
    const { send } = app(db, { requireKey: false });
    const query = `mutation {
      a: slow(item: "1") @idempotent(key: "k") { id }
      b: place(item: "2") @idempotent(key: "k") { id }
      c: slow(item: "3") { id }
      d: place(item: "4") @idempotent(key: "k2") { id }
    }`;
    await send({ query });
    const rows = await db.query(`SELECT item FROM "Order" ORDER BY "createdAt"`);
    expect(rows.map(({ item }) => item)).toEqual(["1", "2", "3", "4"]);
  });

  it("covers fields without a directive by the key of the request", async () => {
    await using db = await open();
    const { send } = app(db);
    const query = `mutation {
      a: place(item: "a") @idempotent(key: "own") { id }
      b: place(item: "b") { id }
      __typename
    }`;
    const [first, second] = [await send(keyed(query, "k")), await send(keyed(query, "k"))];
    expect(second.json.data).toEqual(first.json.data);
    expect(replayedFields(second)).toEqual(["a", "b"]);
    expect(await db.countOrders()).toBe(2);
  });

  it("leaves the key and the name of its variable out of the comparison, but no other variable", async () => {
    await using db = await open();
    const { send } = app(db, { requireKey: false });
    await send({ query: byVariable("x"), variables: { x: "k", i: "tea" } });
    const same = await send({ query: byVariable("yy"), variables: { yy: "k", i: "tea", more: true } });
    expect(replayedFields(same)).toEqual(["place"]);
    expect(same.json.data.attempt).toContain("undefined");
    const other = await send({ query: byVariable("x"), variables: { x: "k", i: "cup" } });
    expect(other.json.errors[0].extensions.code).toBe("IDEMPOTENCY_KEY_PARAMETER_MISMATCH");
  });

  it("refuses a directive below the root, and two keys for one response name", async () => {
    await using db = await open();
    const { send } = app(db);
    const nested = await send({ query: `mutation { place(item: "a") { id @idempotent(key: "k") } }` });
    expect(nested.status).toBe(400);
    expect(nested.json.errors[0].extensions.code).toBe("IDEMPOTENCY_KEY_INVALID");
    const two = await send({
      query: `mutation { place(item: "a") @idempotent(key: "k") { id } place(item: "a") @idempotent(key: "l") { id } }`,
    });
    expect(two.json.errors[0].extensions.code).toBe("IDEMPOTENCY_KEY_INVALID");
    expect(await db.countOrders()).toBe(0);
  });
});

describe("an alias named anew for a retry", () => {
  it.each([
    [
      "the field",
      (alias: string) => ({
        query: `mutation { ${alias}: place(item: "tea") @idempotent(key: "k") { id } }`,
      }),
    ],
    ["the operation", (alias: string) => keyed(`mutation { ${alias}: place(item: "tea") { id } }`, "k")],
  ])("never executes twice where the key is of %s", async (_, requestWith) => {
    await using db = await openSqlite();
    const { send } = app(db);
    await send(requestWith("a"));
    const retry = await send(requestWith("b"));
    expect(retry.json.errors[0].extensions.code).toBe("IDEMPOTENCY_KEY_PARAMETER_MISMATCH");
    expect(await db.countOrders()).toBe(1);
  });
});
