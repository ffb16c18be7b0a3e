import { GraphQLError } from "graphql";
import { createSchema } from "graphql-yoga";
import { describe, expect, it } from "vitest";
import { withAmbientTransaction } from "../../src/prisma/ambient/ambient.ts";
import { savepointName } from "../../src/prisma/client/savepoint.ts";
import type { IdempotencyPluginOptions, MutationIdempotency } from "../../src/yoga/index.ts";
import { account, accountIds, passedOn } from "../ambient/support.ts";
import type { TestClient } from "../support/clients.ts";
import { databases, onPostgres, openPostgres, type TestDatabase } from "../support/database.ts";
import { gate } from "../support/gate.ts";
import { app, type Context, keyed, recordsOf, toldIn, unmarked } from "./support.ts";

/** Writes an account, and fails if a code is given. */
interface Doing {
  id: string;
  fail?: string;
}

const typeDefs = /* GraphQL */ `
  type Query { hello: String }
  type Part { refused: String refusedStrict: String! late: String! }
  type Mutation {
    add(id: ID!, fail: String): ID
    addStrict(id: ID!, fail: String): ID!
    addNested(id: ID!, fail: String): ID
    addTwice(id: ID!): ID
    part(id: ID!): Part
    letLateWrite(id: ID!): ID
    run: String
  }
`;

const refuse = (code: string): never => {
  throw new GraphQLError("refused", { extensions: { code } });
};

interface BankOptions extends Partial<IdempotencyPluginOptions<Context>> {
  /** What the context holds. */
  prisma?: TestClient;
  /** The client of the resolvers. */
  clientOf?: (context: Context) => TestClient;
}

function bank(db: TestDatabase, options: BankOptions = {}) {
  const { prisma = db.prisma, clientOf = (context) => context.prisma, provide = "prisma", ...rest } = options;
  const done: string[] = [];
  const late = gate();
  const lateEnds: Promise<unknown>[] = [];
  const add = (context: Context, id: string) => clientOf(context).account.create(account(id));
  async function adding(_: unknown, { id, fail }: Doing, context: Context) {
    const { afterCommit } = context.idempotency as MutationIdempotency;
    afterCommit(() => done.push(id));
    await add(context, id);
    return fail === undefined ? id : refuse(fail);
  }
  const schema = createSchema<Context>({
    typeDefs,
    resolvers: {
      Part: {
        refused: () => refuse("BAD_USER_INPUT"),
        refusedStrict: async () => refuse("BAD_USER_INPUT"),
        late(_, __, context) {
          const ended = late.opened.then(() => add(context, "late"));
          lateEnds.push(ended.then(() => "written").catch(({ name }: Error) => name));
          return ended;
        },
      },
      Mutation: {
        add: adding,
        addStrict: adding,
        addNested: async (_, { id, fail }: Doing, context) => {
          await clientOf(context).$transaction((tx) => tx.account.create(account(id)));
          return fail === undefined ? id : refuse(fail);
        },
        addTwice: async (_, { id }: Doing, context) => {
          await add(context, id);
          await add(context, id).catch(() => undefined);
          return id;
        },
        part: (_, { id }: Doing, context) => add(context, id),
        letLateWrite: async (_, { id }: Doing, context) => {
          late.open();
          await Promise.all(lateEnds);
          return adding(_, { id }, context);
        },
        run: (_, __, { idempotency }) =>
          [idempotency?.key, idempotency?.attempt, idempotency?.deriveKey?.("mail")].join(),
      },
    },
  });
  const { send } = app(db, { provide, ...rest }, { schema, context: { user: "ada", prisma } });
  return { send, done, lateEnds };
}

describe.each(databases)("a root field that fails beside others under one key, on $name", ({ open }) => {
  it.each<[string, (prisma: TestClient) => BankOptions]>([
    ["the context's client", () => ({})],
    ["an extended client in the context", (prisma) => ({ prisma: passedOn(prisma) })],
    [
      "an ambient client",
      (prisma) => {
        const ambient = withAmbientTransaction(prisma);
        return { clientOf: () => ambient };
      },
    ],
  ])("leaves none of its writes, by %s", async (_kind, optionsOf) => {
    await using db = await open();
    const { send } = bank(db, optionsOf(db.prisma));
    const body = keyed(
      `mutation {
        a: add(id: "a") b: add(id: "b", fail: "BAD_USER_INPUT")
        c: addNested(id: "c") d: addNested(id: "d", fail: "BAD_USER_INPUT") e: add(id: "e")
      }`,
      "k",
    );
    const [first, second] = [await send(body), await send(body)];
    expect(first.json.data).toEqual({ a: "a", b: null, c: "c", d: null, e: "e" });
    expect(first.json.errors).toMatchObject([
      { path: ["b"], extensions: { code: "BAD_USER_INPUT" }, locations: [{ line: 2, column: 25 }] },
      { path: ["d"] },
    ]);
    expect(first.json.extensions.idempotency).toEqual({ outcome: "stored", replayed: false, partial: true });
    expect(toldIn(second)).toBe("stored, replayed");
    expect(unmarked(second)).toBe(unmarked(first));
    expect(await accountIds(db)).toEqual(["a", "c", "e"]);
    expect(await recordsOf(db)).toMatchObject([{ operation: "mutation", status: "completed" }]);
  });

  it("leaves none of them without a key either, in the transaction that the mutation then gets", async () => {
    await using db = await open();
    const { send } = bank(db, { clientOf: ({ tx }) => tx as TestClient, provide: "tx", requireKey: false });
    const reply = await send({ query: `mutation { a: add(id: "a") b: add(id: "b", fail: "NO") }` });
    expect(reply.json.data).toEqual({ a: "a", b: null });
    expect([await accountIds(db), await recordsOf(db)]).toEqual([["a"], []]);
  });

  it("has its callbacks forgotten, and those of the others called in order after the commit", async () => {
    await using db = await open();
    const { send, done } = bank(db);
    await send(keyed(`mutation { a: add(id: "a") b: add(id: "b", fail: "NO") c: add(id: "c") }`, "k"));
    expect(done).toEqual(["a", "c"]);
  });

  it("is undone with all others where the answer has no data", async () => {
    await using db = await open();
    const { send, done } = bank(db);
    const strict = await send(keyed(`mutation { add(id: "a") addStrict(id: "b", fail: "NO") }`, "k1"));
    const unexpected = await send(
      keyed(`mutation { a: add(id: "a") b: add(id: "b", fail: "CONFLICT") }`, "k2"),
    );
    expect([strict.json.data, unexpected.json.data]).toEqual([null, null]);
    expect([toldIn(strict), toldIn(unexpected)]).toEqual(["stored", "released"]);
    expect([await accountIds(db), done]).toEqual([[], []]);
  });

  it("is one that has no value: a nullable field below it may fail", async () => {
    await using db = await open();
    const { send } = bank(db);
    const query = `mutation { a: part(id: "a") { refused } b: part(id: "b") { refusedStrict } }`;
    expect((await send(keyed(query, "k"))).json.data).toEqual({ a: { refused: null }, b: null });
    expect(await accountIds(db)).toEqual(["a"]);
  });

  it("writes nothing more while the next one executes", async () => {
    await using db = await open();
    const { send, lateEnds } = bank(db);
    const query = `mutation { part(id: "a") { late refusedStrict } letLateWrite(id: "b") }`;
    expect((await send(keyed(query, "k"))).json.data).toEqual({ part: null, letLateWrite: "b" });
    expect(await Promise.all(lateEnds)).toEqual(["TransactionOverError"]);
    expect(await accountIds(db)).toEqual(["b"]);
  });

  it("finds the key, the attempt and the derived keys of the whole", async () => {
    await using db = await open();
    const { send } = bank(db);
    const { data } = (await send(keyed("mutation { a: run __typename b: run }", "k"))).json;
    expect(data).toEqual({ a: expect.stringMatching(/^k,1,.{43}$/), __typename: "Mutation", b: data.a });
  });

  it("costs each of several root fields a savepoint and its release, and a single one nothing", async () => {
    const sent: string[] = [];
    await using db = await open({ log: (text) => sent.push(text) });
    const { send } = bank(db);
    const savepoints = async (query: string) => {
      sent.length = 0;
      await send(keyed(query, query));
      return sent.filter((text) => /SAVEPOINT/.test(text));
    };
    const own = `SAVEPOINT ${savepointName(0)}`;
    const [set, release] = [`SAVEPOINT ${savepointName(1)}`, `RELEASE SAVEPOINT ${savepointName(1)}`];
    expect(await savepoints(`mutation { __typename add(id: "a") }`)).toEqual([own]);
    expect(await savepoints(`mutation { b: add(id: "b") c: add(id: "c") }`)).toEqual([
      own,
      set,
      release,
      set,
      release,
    ]);
  });
});

describe.runIf(onPostgres)("a root field that hides a failed statement beside others, on postgresql", () => {
  it("keeps the whole from being stored, as it does alone", async () => {
    await using db = await openPostgres();
    const { send } = bank(db);
    for (const query of [`{ addTwice(id: "a") }`, `{ addTwice(id: "a") add(id: "b") }`]) {
      const { json } = await send(keyed(`mutation ${query}`, query));
      expect(json.errors[0].extensions.code).toBe("IDEMPOTENCY_RESULT_UNSTORABLE");
      expect(json.errors[0].message).toContain(
        "The handler of mutation caught the error of a failed statement",
      );
    }
    expect([await accountIds(db), await recordsOf(db)]).toEqual([[], []]);
  });
});
