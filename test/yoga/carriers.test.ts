import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { usePersistedOperations } from "@graphql-yoga/plugin-persisted-operations";
import * as fc from "fast-check";
import { createYoga, type Plugin } from "graphql-yoga";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AnyIdempotencyError } from "../../src/core/contract/errors/errors.ts";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { useIdempotency } from "../../src/yoga/index.ts";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import {
  app,
  type Context,
  incrementalSchema,
  keyed,
  readReply,
  recordsOf,
  schema,
  unmarked,
} from "./support.ts";

const PLACE = `mutation { place(item: "tea") { id } }`;

const place = (item: string) => `mutation { place(item: "${item}") { id item } }`;
const persisted = (id: string) => ({ extensions: { persistedQuery: { version: 1, sha256Hash: id } } });

async function orders(db: TestDatabase): Promise<number> {
  return db.countOrders();
}

describe("carriers of the key", () => {
  it.each([
    ["quoted", `"k1"`],
    ["bare", "k1"],
  ])("takes the header, %s", async (_, header) => {
    await using db = await openSqlite();
    const { send } = app(db);
    const headers = { "idempotency-key": header };
    const first = await send({ query: PLACE }, headers);
    const second = await send(keyed(PLACE, "k1"));
    expect(unmarked(second)).toBe(unmarked(first));
    expect(await orders(db)).toBe(1);
  });

  it("takes equal keys from header and body, and refuses different ones", async () => {
    await using db = await openSqlite();
    const { send } = app(db);
    expect((await send(keyed(PLACE, "k1"), { "idempotency-key": "k1" })).status).toBe(200);
    const reply = await send(keyed(PLACE, "k1"), { "idempotency-key": "k2" });
    expect([reply.status, reply.json.errors[0].extensions.code]).toEqual([400, "IDEMPOTENCY_KEY_INVALID"]);
    expect(await orders(db)).toBe(1);
  });

  it("says whether keys contradict each other, or are too few for a batch", async () => {
    await using db = await openSqlite();
    const reasons: unknown[] = [];
    const noteReasons: Plugin = {
      onResultProcess: ({ result }) => {
        const { errors = [] } = result as { errors?: readonly { cause?: unknown }[] };
        reasons.push(...errors.map(({ cause }) => (cause as AnyIdempotencyError).details));
      },
    };
    const { send } = app(db, {}, { plugins: [noteReasons] });
    await send(keyed(PLACE, "k1"), { "idempotency-key": "k2" });
    await send({
      query: `mutation { place(item: "a") @idempotent(key: "k") { id } place(item: "a") @idempotent(key: "l") { id } }`,
    });
    await send([{ query: PLACE }, { query: PLACE }], { "idempotency-key": "k1" });
    expect(reasons).toEqual([
      { reason: "conflicting_keys" },
      { reason: "conflicting_keys" },
      { reason: "count_mismatch" },
    ]);
    expect(await orders(db)).toBe(0);
  });

  it("asks the option key first, and goes on to the others where it gives nothing", async () => {
    await using db = await openSqlite();
    const { send } = app(db, {
      key: ({ context, args }) => (args.operationName === "Own" ? `own ${context.user}` : null),
    });
    await send({ ...keyed(PLACE.replace("mutation", "mutation Own"), "k1"), operationName: "Own" });
    await send(keyed(PLACE, "k2"));
    const rows = await db.query("SELECT key FROM idempotency_record ORDER BY key");
    expect(rows).toEqual([{ key: "k2" }, { key: "own ada" }]);
  });

  it("treats a null in the body as absent, and anything but a string as invalid", async () => {
    await using db = await openSqlite();
    const { send } = app(db, { requireKey: false });
    await send(keyed(PLACE, null));
    expect(await recordsOf(db)).toEqual([]);
    for (const key of [5, true, {}, [], ["k"], "", "x".repeat(256), "ключ", "a\nb", "\u0000"]) {
      const reply = await send(keyed(PLACE, key));
      expect([reply.status, reply.json.errors[0].extensions.code]).toEqual([400, "IDEMPOTENCY_KEY_INVALID"]);
    }
    expect(await orders(db)).toBe(1);
  });

  it("leaves queries alone, whatever their key", async () => {
    await using db = await openSqlite();
    const { send } = app(db);
    const query = "{ hello }";
    expect((await send(keyed(query, 5))).text).toBe(`{"data":{"hello":null}}`);
    expect((await send({ query }, { "idempotency-key": `"broken` })).status).toBe(200);
    expect((await send({ query: "mutation { __typename }" })).json.data).toEqual({ __typename: "Mutation" });
    expect((await send({ query: PLACE }, { "idempotency-key": `"broken` })).status).toBe(400);
  });

  describe("any printable key", () => {
    let db: TestDatabase;
    beforeAll(async () => {
      db = await openSqlite();
    });
    afterAll(() => db[Symbol.asyncDispose]());

    it("executes once, however it is carried", async () => {
      const { send } = app(db);
      const key = fc.string({
        unit: fc.integer({ min: 32, max: 126 }).map((code) => String.fromCharCode(code)),
        minLength: 1,
        maxLength: 255,
      });
      const used = new Set<string>();
      await fc.assert(
        fc.asyncProperty(key, async (value) => {
          const before = await orders(db);
          const quoted = `"${value.replaceAll(/["\\]/g, "\\$&")}"`;
          const first = await send(keyed(PLACE, value));
          const second = await send({ query: PLACE }, { "idempotency-key": quoted });
          expect(unmarked(second)).toBe(unmarked(first));
          expect(await orders(db)).toBe(used.has(value) ? before : before + 1);
          used.add(value);
        }),
        { numRuns: 50 },
      );
    });
  });
});

describe("requireKey", () => {
  const code = "IDEMPOTENCY_KEY_MISSING";

  it("by default refuses whatever has no key", async () => {
    await using db = await openSqlite();
    const { send } = app(db);
    const reply = await send({ query: PLACE });
    expect([reply.status, reply.json.errors[0].extensions]).toEqual([400, { code }]);
    expect((await send(keyed(PLACE, "k1"))).status).toBe(200);
    const fields = await send({
      query: `mutation { __typename place(item: "a") { id } b: place(item: "b") @idempotent(key: "k") { item } }`,
    });
    expect(fields.json.data).toEqual({ __typename: "Mutation", place: null, b: { item: "b" } });
    expect(fields.json.errors).toMatchObject([{ path: ["place"], extensions: { code } }]);
  });

  it("a function decides per unit, by names without aliases", async () => {
    await using db = await openSqlite();
    const asked: unknown[] = [];
    const { send } = app(db, {
      requireKey: (mutation) => {
        asked.push(mutation);
        return mutation.rootFields.includes("place");
      },
    });
    expect((await send({ query: "mutation M { attempt }" })).status).toBe(200);
    expect((await send({ query: `mutation { x: place(item: "a") { id } attempt }` })).status).toBe(400);
    expect(asked).toEqual([
      { name: "M", rootFields: ["attempt"] },
      { name: undefined, rootFields: ["place", "attempt"] },
    ]);
    expect(await orders(db)).toBe(0);
  });
});

describe("batches", () => {
  it("takes a key per operation from the extensions", async () => {
    await using db = await openSqlite();
    const { send } = app(db);
    const batch = [keyed(place("a"), "k1"), { query: "{ hello }" }, keyed(place("b"), "k2")];
    const first = await send(batch);
    const second = await send([batch[2], batch[0]]);
    expect(second.json.map(({ data }: { data: unknown }) => data)).toEqual([
      first.json[2].data,
      first.json[0].data,
    ]);
    expect(second.json[0].extensions).toEqual({ idempotency: { outcome: "stored", replayed: true } });
    expect(second.headers.has("idempotency-outcome")).toBe(false);
    expect(await orders(db)).toBe(2);
  });

  it("takes a list in the header, with ?0 for an operation without a key", async () => {
    await using db = await openSqlite();
    const { send } = app(db);
    const batch = [{ query: place("a") }, { query: "{ hello }" }, { query: place("b") }];
    const first = await send(batch, { "idempotency-key": `"k1", ?0, "k2"` });
    const second = await send(batch.toReversed(), { "idempotency-key": `"k2", ?0, "k1"` });
    expect(second.json[0].data).toEqual(first.json[2].data);
    expect(second.json[2].data).toEqual(first.json[0].data);
    expect(await orders(db)).toBe(2);
  });

  it.each(["k1", `"k1"`, `"k1", "k2", "k3"`, `"k1`])(
    "refuses a header that does not fit: %s",
    async (header) => {
      await using db = await openSqlite();
      const { send } = app(db);
      const reply = await send([{ query: place("a") }, { query: place("b") }], { "idempotency-key": header });
      expect([reply.status, reply.json.errors[0].extensions.code]).toEqual([400, "IDEMPOTENCY_KEY_INVALID"]);
      expect(await orders(db)).toBe(0);
    },
  );
});

describe("with other plugins of Yoga", () => {
  it("executes persisted operations by their document, in batches too", async () => {
    await using db = await openSqlite();
    const documents: Record<string, string> = { one: PLACE, two: PLACE.replace("tea", "cup") };
    const { send } = app(
      db,
      {},
      { plugins: [usePersistedOperations({ getPersistedOperation: (id) => documents[id] ?? null })] },
    );
    const first = await send(persisted("one"), { "idempotency-key": "k1" });
    const second = await send([persisted("one"), persisted("two")], { "idempotency-key": "k1, k2" });
    expect(second.json[0].data).toEqual(first.json.data);
    expect(second.json[1].data.place.id).not.toBe(first.json.data.place.id);
    const other = await send(persisted("two"), { "idempotency-key": "k2" });
    expect(other.json.data).toEqual(second.json[1].data);
    expect(await orders(db)).toBe(2);
  });

  it("finds the header of a request whose parameters a plugin replaced, and refuses such a batch", async () => {
    await using db = await openSqlite();
    const byName = usePersistedOperations({
      getPersistedOperation: () => `mutation Place { place(item: "tea") { id } }`,
      extractPersistedOperationId: ({ operationName }) => operationName ?? null,
    });
    const { send } = app(db, {}, { plugins: [byName] });
    const body = { operationName: "Place" };
    const first = await send(body, { "idempotency-key": "k1" });
    expect(unmarked(await send(body, { "idempotency-key": "k1" }))).toBe(unmarked(first));
    const batch = await send([body, body], { "idempotency-key": "k2, k3" });
    expect(batch.json[0].errors[0].extensions.code).toBe("IDEMPOTENCY_KEY_INVALID");
    expect(await orders(db)).toBe(1);
  });

  it.each([
    [`mutation { place(item: "a") { id ... @defer { note } } }`, {}],
    [`mutation { place(item: "a") { id tags @stream } }`, {}],
    [`mutation { place(item: "a") { ...F } } fragment F on Order { id ... @defer(if: false) { note } }`, {}],
    [`mutation { attempt place(item: "a") @idempotent(key: "k") { id ... @defer { note } } }`, {}],
    [`mutation { place(item: "a") { id itself { ... @defer { note } } } }`, { accept: "multipart/mixed" }],
  ])("refuses incremental delivery before anything runs: %s", async (query, headers) => {
    await using db = await openSqlite();
    const { fetch } = app(db, {}, { schema: incrementalSchema });
    const response = await fetch("http://localhost/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": "k1", ...headers },
      body: JSON.stringify({ query }),
    });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("IDEMPOTENCY_RESULT_UNSTORABLE");
    expect(await orders(db)).toBe(0);
    expect(await recordsOf(db)).toEqual([]);
  });

  it("leaves incremental delivery alone where no transaction is opened", async () => {
    await using db = await openSqlite();
    const { fetch } = app(db, { provide: "prisma", requireKey: false }, { schema: incrementalSchema });
    const response = await fetch("http://localhost/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "multipart/mixed" },
      body: JSON.stringify({ query: `mutation { place(item: "a") { id ... @defer { note } } }` }),
    });
    expect(await response.text()).toContain(`"hasNext":true`);
    expect(await orders(db)).toBe(1);
  });

  it("compares uploads by content", async () => {
    await using db = await openSqlite();
    const { fetch } = app(db);
    const upload = async (content: string, name = "a.txt") => {
      const form = new FormData();
      const operations = keyed("mutation ($file: File!) { upload(file: $file) }", "k1", { file: null });
      form.set("operations", JSON.stringify(operations));
      form.set("map", JSON.stringify({ 0: ["variables.file"] }));
      form.set("0", new File([content], name, { type: "text/plain" }));
      return readReply(await fetch("http://localhost/graphql", { method: "POST", body: form }));
    };
    const first = await upload("hello");
    expect(first.json.data).toEqual({ upload: "hello" });
    expect(unmarked(await upload("hello"))).toBe(unmarked(first));
    expect((await upload("hellO")).status).toBe(422);
    expect((await upload("hello", "b.txt")).status).toBe(422);
    expect(await orders(db)).toBe(1);
  });
});

describe("over real HTTP", () => {
  it("replays bytes, status and header, for both media types", async () => {
    await using db = await openSqlite();
    const idempotency = createIdempotency({ prisma: db.prisma });
    const yoga = createYoga<object, Context>({
      schema,
      logging: false,
      context: () => ({ user: "ada", prisma: db.prisma }),
      plugins: [useIdempotency<Context>({ idempotency, scope: ({ user }) => user })],
    });
    const server = createServer((request, response) => void yoga(request, response));
    await new Promise<void>((resolve) => server.listen(0, resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const post = async (accept: string) =>
        readReply(
          await fetch(`http://localhost:${port}/graphql`, {
            method: "POST",
            headers: { "content-type": "application/json", accept, "idempotency-key": `"${accept}"` },
            body: JSON.stringify({ query: PLACE }),
          }),
        );
      for (const accept of ["application/json", "application/graphql-response+json"]) {
        const [first, second] = [await post(accept), await post(accept)];
        expect(unmarked(second)).toBe(unmarked(first));
        expect([first.headers.get("idempotent-replayed"), second.headers.get("idempotent-replayed")]).toEqual(
          [null, "true"],
        );
      }
      expect(await orders(db)).toBe(2);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
