import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { GraphQLError } from "graphql";
import { createSchema, createYoga } from "graphql-yoga";
import { describe, expect, it } from "vitest";
import { createCompleter, createIdempotency, type RunOptions, type TransactionOf } from "../../src/index.ts";
import {
  type IdempotencyPluginOptions,
  type LeasedMutationIdempotency,
  useIdempotency,
} from "../../src/yoga/index.ts";
import type { TestClient } from "../support/clients.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { gate } from "../support/gate.ts";
import { lapse, orderOf, paymentService, recordsOf, steal, stepsOf } from "./trpc-support.ts";

interface Context {
  user: string;
  prisma: TestClient;
  tx?: TestClient;
  idempotency: LeasedMutationIdempotency<TransactionOf<TestClient>>;
}

const typeDefs = /* GraphQL */ `
  type Query { hello: String }
  type Payment { chargeId: String!, attempt: Int!, key: String, hasTx: Boolean! }
  type Mutation {
    "Charges, writes an order, and does what the test wants before it answers."
    pay(item: String!): Payment
    payStrict(item: String!): Payment!
    "Charges in a step, then fails as asked."
    decline(code: String): Payment
    "Writes through the transaction that the plugin provides."
    place(item: String!): String
    unstorable: String
    wrapped: String
  }
`;

type Options = Partial<IdempotencyPluginOptions<Context>>;

/** A real Yoga server over a real database. */
async function serve(
  db: TestDatabase,
  {
    between = () => undefined,
    options = {},
    core = {},
    prisma = db.prisma,
    service = paymentService(),
  }: {
    between?: (context: Context) => unknown;
    options?: Options;
    core?: RunOptions;
    prisma?: TestClient;
    service?: ReturnType<typeof paymentService>;
  } = {},
) {
  const pay = async (_: unknown, { item }: { item: string }, context: Context) => {
    const { step, transaction, attempt, key } = context.idempotency;
    const { chargeId } = await step(`charge-${item}`, (call) => service.charge(call.key));
    await transaction(`order-${item}`, ({ tx }) => tx.order.create({ data: orderOf(item, context.user) }));
    await between(context);
    await step(`mail-${item}`, (call) => service.charge(call.key));
    return { chargeId, attempt, key, hasTx: "tx" in context };
  };
  const schema = createSchema<Context>({
    typeDefs,
    resolvers: {
      Mutation: {
        pay,
        payStrict: pay,
        async decline(_, { code }: { code?: string }, { idempotency }) {
          await idempotency.step("charge", ({ key }) => service.charge(key));
          throw new GraphQLError("declined", { extensions: { code } });
        },
        async place(_, { item }: { item: string }, { tx, user, idempotency }) {
          await tx?.order.create({ data: orderOf(item, user) });
          return `${"step" in idempotency}`;
        },
        unstorable: (_, __, { idempotency }) => idempotency.step("link", () => ({ link: () => "a" })),
        async wrapped(_, __, { idempotency }) {
          await steal(db);
          return idempotency
            .step("late", () => "late")
            .catch((cause: unknown) => {
              throw new Error("could not call", { cause });
            });
        },
      },
    },
  });
  const idempotency = options.idempotency ?? createIdempotency({ prisma, ...core });
  const yoga = createYoga<object, Context>({
    schema,
    batching: true,
    logging: false,
    context: (({ request }: { request: Request }) => ({
      user: request.headers.get("x-user") ?? "ada",
      prisma,
    })) as never,
    plugins: [useIdempotency<Context>({ idempotency, scope: ({ user }) => user, mode: "lease", ...options })],
  });
  // oxlint-disable-next-line typescript/no-misused-promises -- Yoga answers every failure itself.
  const server = createServer(yoga);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
  return {
    service,
    async send(query: string, key?: string, headers: Record<string, string> = {}) {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify({ query, ...(key && { extensions: { idempotencyKey: key } }) }),
      });
      const text = await response.text();
      return {
        status: response.status,
        text,
        // The shape is what each test asserts.
        json: JSON.parse(text) as any,
        replayed: response.headers.get("idempotent-replayed"),
        retryAfter: response.headers.get("retry-after"),
      };
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const PAY = 'mutation { pay(item: "lamp") { chargeId attempt key hasTx } }';

describe.each(databases)("leased mutations of Yoga on $name", ({ open }) => {
  it("take each step once over a failure and a retry, and replay the answer", async () => {
    await using db = await open();
    await using app = await serve(db, {
      between: ({ user, idempotency: { attempt } }) => {
        if (user === "ada" && attempt === 1) throw new Error("secret: the process is gone");
      },
    });
    const failed = await app.send(PAY, "k");
    expect(failed.json).toMatchObject({ data: null, errors: [{ message: "Unexpected error." }] });
    expect(await recordsOf(db)).toMatchObject([
      { operation: "mutation", status: "in_progress", response: null },
    ]);
    const retried = await app.send(PAY, "k");
    expect(failed.json.extensions.idempotency.outcome).toBe("released");
    expect(retried.json).toEqual({
      data: { pay: { chargeId: "ch_1", attempt: 2, key: "k", hasTx: false } },
      extensions: { idempotency: { outcome: "stored", replayed: false } },
    });
    expect([app.service.calls.length, await db.countOrders()]).toEqual([2, 1]);
    const replay = await app.send(PAY, "k");
    expect(replay).toMatchObject({ status: 200, replayed: "true", json: { data: retried.json.data } });
    const bob = await app.send(PAY, "k", { "x-user": "bob" });
    expect([bob.replayed, bob.json.data.pay.attempt, await db.countOrders()]).toEqual([null, 1, 2]);
  });

  it("have a duplicate in another process wait, or be refused", async () => {
    await using db = await open();
    const inStep = gate();
    const goOn = gate();
    await using app = await serve(db, {
      between: async () => {
        inStep.open();
        await goOn.opened;
      },
    });
    const polled = gate();
    const prisma = await db.connect({ log: (sql) => sql.includes("idempotency_record") && polled.open() });
    await using waiting = await serve(db, { prisma });
    await using rejecting = await serve(db, { prisma, options: { onDuplicate: "reject" } });
    const first = app.send(PAY, "k");
    await inStep.opened;
    const refused = await rejecting.send(PAY, "k");
    expect([refused.status, refused.retryAfter, refused.json.errors[0].extensions.code]).toEqual([
      409,
      "1",
      "IDEMPOTENCY_CONCURRENT_REQUEST",
    ]);
    const duplicate = waiting.send(PAY, "k");
    await polled.opened;
    goOn.open();
    const { json } = await first;
    expect(await duplicate).toMatchObject({ replayed: "true", json: { data: json.data } });
    expect([waiting.service.calls, await db.countOrders()]).toEqual([[], 1]);
  });

  it("answer 409 when a step finds the lease lost", async () => {
    await using db = await open();
    await using app = await serve(db, { between: () => steal(db), options: { storeError: () => true } });
    for (const [index, query] of [PAY, "mutation { wrapped }"].entries()) {
      const lost = await app.send(query, `k${index}`);
      expect([lost.status, lost.retryAfter, lost.json.data]).toEqual([409, "1", undefined]);
      expect(lost.json.errors).toEqual([
        {
          message: expect.stringContaining("Retry with the same key"),
          extensions: { code: "IDEMPOTENCY_LEASE_LOST", retryAfterMs: 1_000 },
        },
      ]);
    }
    expect(await recordsOf(db)).toMatchObject([{ status: "in_progress" }, { status: "in_progress" }]);
  });

  it("answer 503 when no transaction can begin for a step, with a key or without", async () => {
    await using db = await open();
    const prisma = await db.connect({ max: 1 });
    let isAway = false;
    await using app = await serve(db, {
      prisma,
      core: { outageMs: 0, transaction: { maxWaitMs: 500 } },
      options: { requireKey: false },
      between: async ({ idempotency }) => {
        if (!isAway) return;
        const held = gate();
        const taken = gate();
        const holder = prisma.$transaction(async (tx) => {
          await tx.$queryRawUnsafe("SELECT 1");
          taken.open();
          await held.opened;
        });
        await taken.opened;
        try {
          await idempotency.transaction("more", ({ tx }) => tx.order.count());
        } finally {
          held.open();
          await holder;
        }
      },
    });
    for (const key of ["k", undefined]) {
      isAway = true;
      const away = await app.send(PAY, key);
      expect([away.status, away.retryAfter, away.json.errors[0].extensions.code]).toEqual([
        503,
        "1",
        "IDEMPOTENCY_STORE_UNAVAILABLE",
      ]);
      isAway = false;
      expect((await app.send(PAY, key)).json.data.pay.chargeId).toMatch(/^ch_/);
    }
  });

  it("name the step whose result cannot be stored", async () => {
    await using db = await open();
    await using app = await serve(db);
    const answer = await app.send("mutation { unstorable }", "k");
    expect([answer.status, answer.json.errors[0].extensions.code]).toEqual([
      500,
      "IDEMPOTENCY_RESULT_UNSTORABLE",
    ]);
    expect(answer.json.errors[0].message).toContain('step "link" of mutation cannot be stored at .link');
    expect(await stepsOf(db)).toEqual([]);
  });

  it("store expected errors, and do not undo what steps did", async () => {
    await using db = await open();
    await using app = await serve(db);
    const query = 'mutation { pay(item: "a") { chargeId } decline(code: "CARD_DECLINED") { chargeId } }';
    const first = await app.send(query, "k");
    expect(first.json).toMatchObject({
      data: { pay: { chargeId: "ch_1" }, decline: null },
      errors: [{ message: "declined", path: ["decline"] }],
    });
    expect((await app.send(query, "k")).json).toMatchObject({
      ...first.json,
      extensions: { idempotency: { outcome: "stored", replayed: true } },
    });

    const all = 'mutation { decline(code: "CARD_DECLINED") { chargeId } }';
    expect((await app.send(all, "all")).json.data).toEqual({ decline: null });
    expect((await app.send(all, "all")).replayed).toBe("true");
    const statuses = new Set((await recordsOf(db)).map(({ status }) => status));
    expect(statuses).toEqual(new Set(["completed", "failed"]));
    expect([app.service.calls.length, await db.countOrders()]).toEqual([4, 1]);
  });

  it("make each root field with a directive a unit with steps of its own", async () => {
    await using db = await open();
    let isLost = true;
    await using app = await serve(db, {
      between: ({ idempotency: { key } }) => key === "b" && isLost && steal(db),
    });
    const query = `mutation {
      a: pay(item: "lamp") @idempotent(key: "a") { chargeId key }
      b: pay(item: "lamp") @idempotent(key: "b") { chargeId key }
    }`;
    const first = await app.send(query);
    expect(first).toMatchObject({
      status: 200,
      json: { data: { a: { chargeId: "ch_1", key: "a" }, b: null } },
    });
    expect(first.json.errors).toMatchObject([
      { path: ["b"], extensions: { code: "IDEMPOTENCY_LEASE_LOST" } },
    ]);
    isLost = false;
    await lapse(db);
    const second = await app.send(query);
    expect(second.json).toEqual({
      data: { a: { chargeId: "ch_1", key: "a" }, b: { chargeId: "ch_3", key: "b" } },
      extensions: {
        idempotency: {
          outcome: "stored",
          replayed: false,
          fields: { a: { outcome: "stored", replayed: true }, b: { outcome: "stored", replayed: false } },
        },
      },
    });
    expect(await db.countOrders()).toBe(2);
  });

  it("run with steps that are not recorded where no key was sent", async () => {
    await using db = await open();
    await using app = await serve(db, {
      options: { provide: "prisma", mode: () => "lease", requireKey: false },
    });
    const query = 'mutation { pay(item: "a") { chargeId key hasTx } decline(code: "CRASH") { chargeId } }';
    for (const chargeId of ["ch_1", "ch_4"]) {
      const answer = await app.send(query);
      // Nothing is undone, so nothing is kept from the client.
      expect(answer.json.data).toEqual({ pay: { chargeId, key: null, hasTx: false }, decline: null });
      expect(answer.json.errors).toMatchObject([{ message: "declined" }]);
    }
    expect([await recordsOf(db), await stepsOf(db), await db.countOrders()]).toEqual([[], [], 2]);
  });

  it("are chosen mutation by mutation", async () => {
    await using db = await open();
    const asked: unknown[] = [];
    await using app = await serve(db, {
      options: {
        mode(mutation) {
          asked.push(mutation);
          return mutation.rootFields.includes("pay") ? "lease" : "transaction";
        },
      },
    });
    expect((await app.send(`mutation M { pay(item: "a") { hasTx attempt } }`, "k")).json.data.pay).toEqual({
      hasTx: false,
      attempt: 1,
    });
    expect((await app.send('mutation { place(item: "b") }', "k2")).json.data).toEqual({ place: "false" });
    const both = await app.send(`mutation {
      pay(item: "c") @idempotent(key: "p") { hasTx }
      place(item: "d") @idempotent(key: "q")
    }`);
    expect(both.json.data).toEqual({ pay: { hasTx: false }, place: "false" });
    expect(asked).toEqual([
      { name: "M", rootFields: ["pay"] },
      { name: undefined, rootFields: ["place"] },
      { name: undefined, rootFields: ["pay"] },
      { name: undefined, rootFields: ["place"] },
    ]);
    expect(await db.countOrders()).toBe(4);

    await using wrong = await serve(db, { options: { mode: () => "saga" as never } });
    expect((await wrong.send(PAY, "w")).json.errors).toMatchObject([{ message: "Unexpected error." }]);
    expect(await db.countOrders()).toBe(4);
  });

  it("are left alone by a completer with a handler of the same name", async () => {
    await using db = await open();
    const idempotency = createIdempotency({ prisma: db.prisma, storeInput: true });
    await using app = await serve(db, {
      options: { idempotency },
      between: () => {
        throw new Error("down");
      },
    });
    await app.send(PAY, "k");
    await lapse(db);
    const completer = createCompleter({
      idempotency,
      handlers: { pay: async () => "not a result of GraphQL" },
    });
    expect(await completer.runOnce()).toBe(0);
    expect(await recordsOf(db)).toMatchObject([
      { operation: "mutation", status: "in_progress", input: null },
    ]);
  });
});
