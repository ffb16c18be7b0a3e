import { envelop, type Plugin, useEngine, useExtendContext, useMaskedErrors, useSchema } from "@envelop/core";
import * as GraphQLJS from "graphql";
import { describe, expect, it } from "vitest";
import type { Store } from "../../src/core/contract/store.ts";
import { idempotencyOver } from "../../src/core/create.ts";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { type IdempotencyPluginOptions, useIdempotency } from "../../src/yoga/index.ts";
import { databases, openSqlite, type TestDatabase } from "../support/database.ts";
import { type Context, recordsOf, SECRET, schema } from "./support.ts";

type Options = Partial<IdempotencyPluginOptions<Context>>;

function server(db: TestDatabase, options: Options = {}) {
  const idempotency = createIdempotency({ prisma: db.prisma });
  const getEnveloped = envelop({
    plugins: [
      useEngine(GraphQLJS),
      useSchema(schema),
      useExtendContext(() => ({ prisma: db.prisma })),
      useMaskedErrors(),
      useIdempotency<Context>({ idempotency, scope: ({ user }) => user, ...options }),
    ],
  });
  return async (query: string, initial: object = {}, variableValues?: object) => {
    const { schema, parse, validate, contextFactory, execute } = getEnveloped({ user: "ada", ...initial });
    const document = parse(query);
    const errors = validate(schema, document);
    if (errors.length > 0) throw errors[0];
    const result: unknown = await execute({
      schema,
      document,
      contextValue: await contextFactory(),
      variableValues,
    });
    return {
      text: JSON.stringify(result),
      ...(JSON.parse(JSON.stringify(result)) as GraphQLJS.ExecutionResult),
    };
  };
}

async function* inParts({ contextValue }: GraphQLJS.ExecutionArgs) {
  const { tx } = contextValue as Required<Context>;
  await tx.account.create({ data: { id: "a", balance: 1 } });
  yield { data: { place: null } };
}

describe.each(databases)("in plain Envelop, on $name", ({ open }) => {
  it("executes once by directive and by the option key, and replays the same", async () => {
    await using db = await open();
    const execute = server(db, { key: ({ context }) => (context as { myKey?: string }).myKey });
    const field = `mutation { place(item: "tea") @idempotent(key: "k1") { id total } }`;
    const [first, second] = [await execute(field), await execute(field)];
    expect(second.data).toEqual(first.data);
    const told = (replayed: boolean) => ({ outcome: "stored", replayed });
    for (const [answer, replayed] of [
      [first, false],
      [second, true],
    ] as const) {
      expect(answer.extensions).toEqual({
        idempotency: { ...told(replayed), fields: { place: told(replayed) } },
      });
    }

    const whole = `mutation { place(item: "tea") { id } fail(code: "NO") { id } }`;
    const [third, fourth] = [await execute(whole, { myKey: "k1" }), await execute(whole, { myKey: "k1" })];
    expect(fourth.text).toBe(third.text.replace(`"replayed":false`, `"replayed":true`));
    expect(fourth.extensions).toEqual({ idempotency: { ...told(true), partial: true } });
    expect(third.errors?.[0]?.locations).toEqual([{ line: 1, column: 38 }]);
    expect(await recordsOf(db)).toMatchObject([{ operation: "mutation" }, { operation: "mutation place" }]);
  });

  it("masks on the first answer and on each retry", async () => {
    await using db = await open();
    const execute = server(db);
    for (let round = 0; round < 2; round += 1) {
      const reply = await execute(`mutation { crash @idempotent(key: "k1") { id } }`);
      expect(reply.text).not.toContain(SECRET);
      expect(reply.data).toEqual({ crash: null });
    }
    expect(await db.countOrders()).toBe(0);
    expect(await recordsOf(db)).toEqual([]);
  });
});

// SQLite has one writer at a time, so that two transactions never meet there.
describe.each(databases.filter(({ name }) => name === "postgresql"))(
  "in plain Envelop, on $name",
  ({ open }) => {
    it("refuses a context that another mutation is using", async () => {
      await using db = await open();
      const idempotency = createIdempotency({ prisma: db.prisma });
      const getEnveloped = envelop({
        plugins: [
          useEngine(GraphQLJS),
          useSchema(schema),
          useIdempotency<Context>({ idempotency, scope: "global" }),
        ],
      });
      const contextValue = { user: "ada", prisma: db.prisma };
      const { schema: current, execute, parse } = getEnveloped(contextValue);
      const run = async (key: string) =>
        execute({
          schema: current,
          document: parse(`mutation { slow(item: "a") @idempotent(key: "${key}") { id } }`),
          contextValue,
        });
      const ended = await Promise.allSettled([run("k1"), run("k2")]);
      expect(ended.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
      expect(await db.countOrders()).toBe(1);
      expect(contextValue).toEqual({ user: "ada", prisma: db.prisma });
    });
  },
);

describe("in plain Envelop", () => {
  it("gives our errors as results and does not reject", async () => {
    await using db = await openSqlite();
    const execute = server(db);
    const reply = await execute(`mutation { place(item: "tea") { id } }`);
    expect(reply.errors?.[0]?.extensions?.["code"]).toBe("IDEMPOTENCY_KEY_MISSING");
  });

  it("takes no key from the headers of a request that Yoga did not parse", async () => {
    await using db = await openSqlite();
    const execute = server(db, { requireKey: false });
    const request = new Request("http://localhost", { headers: { "idempotency-key": "of-the-upgrade" } });
    await execute(`mutation { place(item: "tea") { id } }`, { request });
    expect(await recordsOf(db)).toEqual([]);
    const params = { extensions: { idempotencyKey: "k1" } };
    await execute(`mutation { place(item: "tea") { id } }`, { request: {}, params });
    expect(await recordsOf(db)).toHaveLength(1);
  });

  it("executes around an executor that a later plugin sets without calling the one before it", async () => {
    await using db = await openSqlite();
    const idempotency = createIdempotency({ prisma: db.prisma });
    let calls = 0;
    const replacing: Plugin = {
      onExecute: ({ setExecuteFn }) =>
        setExecuteFn((args: GraphQLJS.ExecutionArgs) => {
          calls += 1;
          return GraphQLJS.execute(args);
        }),
    };
    const plugin = useIdempotency<Context>({ idempotency, scope: "global" });
    const getEnveloped = envelop({
      plugins: [useEngine(GraphQLJS), useSchema(schema), plugin, replacing],
    });
    const executeOnce = async (): Promise<GraphQLJS.ExecutionResult> => {
      const contextValue = {
        user: "ada",
        request: {},
        params: { extensions: { idempotencyKey: "k1" } },
        prisma: db.prisma,
      };
      const { schema: current, execute, parse } = getEnveloped(contextValue);
      const document = parse(`mutation { place(item: "a") { id } }`);
      return execute({ schema: current, document, contextValue });
    };
    const first = await executeOnce();
    expect((await executeOnce()).data).toEqual(first.data);
    expect([calls, await db.countOrders()]).toEqual([1, 1]);
  });

  it("is refused a second time in one list of plugins", async () => {
    const plugin = () =>
      useIdempotency({ idempotency: idempotencyOver({} as Store<unknown>), scope: "global" });
    expect(() => envelop({ plugins: [useEngine(GraphQLJS), plugin(), plugin()] })).toThrow(
      "onceonly: useIdempotency stands twice in plugins; remove one.",
    );
  });

  it("undoes a mutation whose executor answers in parts, unasked", async () => {
    await using db = await openSqlite();
    const idempotency = createIdempotency({ prisma: db.prisma });
    const getEnveloped = envelop({
      plugins: [
        useEngine({
          ...GraphQLJS,
          execute: async (args: GraphQLJS.ExecutionArgs) => (await inParts(args).next(), inParts(args)),
        }),
        useSchema(schema),
        useIdempotency<Context>({ idempotency, scope: "global" }),
      ],
    });
    const { schema: current, execute, parse } = getEnveloped({});
    const document = parse(`mutation { place(item: "a") @idempotent(key: "k1") { id } }`);
    const result: GraphQLJS.ExecutionResult = await execute({ schema: current, document, contextValue: {} });
    expect(result.errors?.[0]?.extensions["code"]).toBe("IDEMPOTENCY_RESULT_UNSTORABLE");
    expect(await db.prisma.account.count()).toBe(0);
    expect(await recordsOf(db)).toEqual([]);
  });

  it("adds the directive once per schema, and takes one that the schema has", () => {
    const own = GraphQLJS.buildSchema(
      "directive @idempotent(key: String) on FIELD | QUERY type Query { a: Int } type Mutation { b: Int }",
    );
    const plugin = useIdempotency({ idempotency: idempotencyOver({} as Store<unknown>), scope: "global" });
    const replaced: GraphQLJS.GraphQLSchema[] = [];
    const change = (schema: GraphQLJS.GraphQLSchema) =>
      plugin.onSchemaChange({ schema, replaceSchema: (next) => replaced.push(next) });
    change(own);
    expect(replaced).toEqual([]);
    const plain = GraphQLJS.buildSchema("type Query { a: Int } type Mutation { b: Int }");
    change(plain);
    change(plain);
    expect(replaced[0]?.getDirective("idempotent")?.args[0]?.name).toBe("key");
    expect(replaced[1]).toBe(replaced[0]);
    change(replaced[0] as GraphQLJS.GraphQLSchema);
    change(GraphQLJS.buildSchema("type Query { a: Int }"));
    expect(replaced).toHaveLength(2);
  });
});
