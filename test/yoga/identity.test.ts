/** What one key stands for: whatever changes under it is refused, and never executed as something else. */
import { buildSchema, GraphQLError, GraphQLScalarType, type GraphQLSchema } from "graphql";
import { createSchema, type Plugin, type YogaServerInstance } from "graphql-yoga";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../src/core/contract/store.ts";
import { idempotencyOver } from "../../src/core/create.ts";
import { useIdempotency } from "../../src/yoga/index.ts";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { app, type Context, keyed, recordsOf, schema, unmarked } from "./support.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openSqlite();
});
afterAll(() => db[Symbol.asyncDispose]());
beforeEach(async () => {
  await db.prisma.order.deleteMany();
});

const MISMATCH = [{ extensions: { code: "IDEMPOTENCY_KEY_PARAMETER_MISMATCH" } }];
const place = (item: string) => `place(item: "${item}") { item }`;

describe("one key", () => {
  it("does not execute other fields when a variable of @include or @skip changes", async () => {
    const { send } = app(db);
    const query =
      `mutation ($fee: Boolean!) { b: ${place("b")} a: ${place("a")} @include(if: $fee) }`.replace(
        "{ item } @include(if: $fee)",
        "@include(if: $fee) { item }",
      );
    const first = await send(keyed(query, "include", { fee: true }));
    expect(first.json.data).toEqual({ b: { item: "b" }, a: { item: "a" } });
    const other = await send(keyed(query, "include", { fee: false }));
    expect([other.status, other.json.errors]).toMatchObject([422, MISMATCH]);
    expect(unmarked(await send(keyed(query, "include", { fee: true })))).toBe(unmarked(first));
    expect(await db.countOrders()).toBe(2);
  });

  it.each([
    ["another field", `mutation { attempt }`],
    ["one more field", `mutation { ${place("a")} attempt }`],
    ["fewer", `mutation { ${place("a")} }`],
    ["another alias", `mutation { x: ${place("a")} b: ${place("b")} }`],
    ["another order", `mutation { b: ${place("b")} ${place("a")} }`],
    ["another operation name", `mutation Other { ${place("a")} b: ${place("b")} }`],
    ["a field with a key of its own beside", `mutation { attempt @idempotent(key: "own") ${place("a")} }`],
  ])("is refused with 422 for %s", async (name, changed) => {
    const { send } = app(db);
    expect((await send(keyed(`mutation { ${place("a")} b: ${place("b")} }`, name))).status).toBe(200);
    const reply = await send(keyed(changed, name));
    expect(reply.json.errors).toMatchObject(MISMATCH);
    expect(await db.countOrders()).toBe(2);
  });

  it("that fields share is refused for another field or alias in their place", async () => {
    const { send } = app(db);
    const own = 'attempt @idempotent(key: "own")';
    const first = await send(keyed(`mutation { ${own} ${place("a")} b: ${place("b")} }`, "shared"));
    expect(first.json.errors).toBeUndefined();
    const names = (await recordsOf(db)).map(({ operation }) => operation);
    expect(names).toEqual(expect.arrayContaining(["mutation", "mutation 2", "mutation attempt"]));
    for (const changed of [`x: ${place("a")} b: ${place("b")}`, `fail(code: "NO") { id } b: ${place("b")}`]) {
      const reply = await send(keyed(`mutation { ${own} ${changed} }`, "shared"));
      expect(reply.json.errors).toMatchObject(MISMATCH);
    }
    expect(await db.countOrders()).toBe(2);
  });

  it("keeps its unit when a field with a key of its own is skipped", async () => {
    const { send } = app(db);
    const query = `mutation ($more: Boolean!) {
      attempt @idempotent(key: "skipped own") @include(if: $more)
      ${place("a")}
    }`;
    const first = await send(keyed(query, "skipped", { more: true }));
    const second = await send(keyed(query, "skipped", { more: false }));
    expect([first.json.errors, second.json.data]).toEqual([undefined, { place: { item: "a" } }]);
    expect(await db.countOrders()).toBe(1);
  });

  it("is bound to a name that a record can hold", async () => {
    const long = `place${"x".repeat(300)}`;
    const typeDefs = `type Query { a: Int } type Mutation { ${long}: Int ${long}y: Int }`;
    const resolvers = { Mutation: { [long]: () => 1, [`${long}y`]: () => 2 } };
    const { send } = app(db, {}, { schema: createSchema<Context>({ typeDefs, resolvers }) });
    const reply = await send({
      query: `mutation { ${long} @idempotent(key: "long") ${long}y @idempotent(key: "long") }`,
    });
    expect(reply.json.data).toEqual({ [long]: 1, [`${long}y`]: 2 });
  });
});

describe("option input", () => {
  it("says what a retry must repeat, for operations and for fields", async () => {
    const { send } = app(db, {
      input: ({ args: { variableValues }, context }) => [context.user, variableValues?.["item"]],
    });
    const query = (key: string) =>
      `mutation ($item: String!, $at: Int) { place(item: $item, quantity: $at) ${key} { item } }`;
    for (const [carrier, name] of [
      ["", "own input"],
      ['@idempotent(key: "own field")', undefined],
    ] as const) {
      const first = await send(keyed(query(carrier), name, { item: "a", at: 1 }));
      expect(first.json.data).toEqual({ place: { item: "a" } });
      expect(unmarked(await send(keyed(query(carrier), name, { item: "a", at: 2 })))).toBe(unmarked(first));
      const other = await send(keyed(query(carrier), name, { item: "b", at: 1 }));
      expect(other.json.errors).toMatchObject(MISMATCH);
    }
    expect(await db.countOrders()).toBe(2);
  });
});

describe("an input that cannot be compared", () => {
  const echoing = createSchema<Context>({
    typeDefs: "scalar JSON type Query { a: Int } type Mutation { echo(value: JSON): Int }",
    resolvers: { JSON: new GraphQLScalarType({ name: "JSON" }), Mutation: { echo: () => 1 } },
  });
  const query = "mutation ($value: JSON) { echo(value: $value) }";

  it.each([
    ["601 levels", JSON.parse("[".repeat(601) + "]".repeat(601)) as unknown, 400],
    ["9 MB", Array.from({ length: 9_000 }, (_, n) => `${n}`.padEnd(1_000)), 413],
  ])("is the client's mistake: %s", async (name, value, status) => {
    const { send } = app(db, {}, { schema: echoing });
    const reply = await send(keyed(query, name, { value }));
    expect(reply.status).toBe(status);
    expect(reply.json.errors).toMatchObject([{ extensions: { code: "IDEMPOTENCY_INPUT_INVALID" } }]);
  });
});

/** As @graphql-yoga/plugin-graphql-sse does it: it answers in `onRequest`, so that Yoga parses nothing. */
function answeringByItself(): Plugin {
  let yoga: YogaServerInstance<object, object>;
  return {
    onYogaInit(payload) {
      yoga = payload.yoga as typeof yoga;
    },
    async onRequest({ request, endResponse, serverContext }) {
      if (!request.url.endsWith("/stream")) return;
      const params = (await request.json()) as { query: string; variables?: Record<string, unknown> };
      const enveloped = yoga.getEnveloped({ ...serverContext, request, params });
      const document = enveloped.parse(params.query);
      const result: object = await enveloped.execute({
        schema: enveloped.schema,
        document,
        contextValue: await enveloped.contextFactory(),
        variableValues: params.variables,
      });
      // graphql-sse takes what has no data for the arguments of an execution.
      endResponse(
        "data" in result
          ? Response.json(result)
          : new Response("Unable to detect operation AST", { status: 400 }),
      );
    },
  };
}

describe("a request that a plugin answers by itself", () => {
  const stream = async (body: unknown, headers: Record<string, string> = {}, options = {}) => {
    const { fetch } = app(db, options, { plugins: [answeringByItself()] });
    const response = await fetch("http://localhost/graphql/stream", {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
    return { status: response.status, text: await response.text() };
  };

  it("is refused, with data, for a header that nobody has read", async () => {
    const query = `mutation { ${place("sse")} }`;
    for (const options of [{}, { requireKey: false }]) {
      const { status, text } = await stream({ query }, { "idempotency-key": "sse" }, options);
      expect([status, JSON.parse(text)]).toEqual([
        200,
        {
          data: null,
          errors: [
            {
              message: expect.stringContaining("extensions.idempotencyKey"),
              extensions: expect.objectContaining({ code: "IDEMPOTENCY_KEY_MISSING" }),
            },
          ],
        },
      ]);
    }
    expect(await db.countOrders()).toBe(0);
  });

  it("is executed once with a key in its body, and refusals have data there", async () => {
    const body = keyed(`mutation { ${place("sse")} }`, "sse body");
    const first = await stream(body);
    expect(JSON.parse(first.text)).toMatchObject({ data: { place: { item: "sse" } } });
    expect(JSON.parse((await stream(body)).text)).toMatchObject({ data: { place: { item: "sse" } } });
    expect(JSON.parse((await stream({ query: body.query })).text)).toMatchObject({ data: null });
    expect(await db.countOrders()).toBe(1);
  });
});

describe("__proto__", () => {
  const echoing = createSchema<Context>({
    typeDefs: `scalar JSON type Query { a: Int } type Mutation { echo(value: JSON): JSON refuse(value: JSON): JSON }`,
    resolvers: {
      JSON: new GraphQLScalarType({ name: "JSON" }),
      Mutation: {
        echo: (_: unknown, { value }: { value: unknown }) => value,
        refuse(_: unknown, { value }: { value: unknown }) {
          throw new GraphQLError("no", { extensions: { code: "NO", value } });
        },
      },
    },
  });
  const evil = '{"a":[{"__proto__":{"admin":true}}],"__proto__":1}';

  it.each([
    ["as an alias", `mutation ($value: JSON) { __proto__: echo(value: $value) }`],
    [
      "as the alias of a field with a key",
      `mutation ($value: JSON) { __proto__: echo(value: $value) @idempotent(key: "proto") }`,
    ],
    ["in a scalar", "mutation ($value: JSON) { echo(value: $value) }"],
    ["in an error", "mutation ($value: JSON) { refuse(value: $value) }"],
  ])("%s is answered as without the plugin, and replayed", async (name, query) => {
    const { fetch } = app(db, {}, { schema: echoing });
    const send = async (value: string) => {
      const body = `{"query":${JSON.stringify(query)},"variables":{"value":${value}},"extensions":{"idempotencyKey":${JSON.stringify(name)}}}`;
      const headers = { "content-type": "application/json" };
      const response = await fetch("http://localhost/graphql", { method: "POST", headers, body });
      return { status: response.status, text: await response.text() };
    };
    const first = await send(evil);
    expect(first.status).toBe(200);
    expect(first.text).toContain(evil);
    expect(unmarked((await send(evil)) as never)).toBe(unmarked(first as never));
    expect((await send('{"a":[{"__proto__":{"admin":false}}],"__proto__":1}')).text).toContain(
      "PARAMETER_MISMATCH",
    );
  });
});

describe("a directive of the schema's own", () => {
  const change = (sdl: string, directive?: string) => {
    const replaced: GraphQLSchema[] = [];
    const options = { idempotency: idempotencyOver({} as Store<unknown>), scope: "global" as const };
    const plugin = useIdempotency(directive === undefined ? options : { ...options, directive });
    plugin.onSchemaChange({
      schema: buildSchema(`${sdl} type Query { a: Int } type Mutation { b: Int }`),
      replaceSchema: (next) => replaced.push(next),
    });
    return replaced;
  };

  it.each([
    "directive @idempotent on OBJECT",
    "directive @idempotent(key: String!, ttl: Int) on FIELD",
    "directive @idempotent(key: Int!) on FIELD",
    "directive @idempotent(key: String!) on FIELD_DEFINITION",
  ])("is refused when the schema is seen, naming the option: %s", (sdl) => {
    expect(() => change(sdl)).toThrow(TypeError);
    expect(() => change(sdl)).toThrow("option directive another name");
    expect(change(sdl, "onceOnly")[0]?.getDirective("onceOnly")?.args[0]?.name).toBe("key");
  });

  it("leaves keys to the directive that the option names", async () => {
    const { send } = app(db, { directive: "onceOnly" }, { schema });
    const query = `mutation { ${place("named")} }`.replace("{ item }", '@onceOnly(key: "named") { item }');
    const first = await send({ query });
    expect(first.json.data).toEqual({ place: { item: "named" } });
    expect(unmarked(await send({ query }))).toBe(unmarked(first));
    const below = `mutation { place(item: "a") { item @onceOnly(key: "x") } }`;
    expect((await send({ query: below })).json.errors[0].message).toContain("@onceOnly belongs on");
    expect(await db.countOrders()).toBe(1);
  });
});
