/**
 * Calls of the public API, and what each of them answers: the first time, and from the rows that any earlier version has
 * left. Change no case after a release; add further ones.
 */
import { TRPCError } from "@trpc/server";
import { Decimal } from "decimal.js";
import { GraphQLError } from "graphql";
import { createSchema } from "graphql-yoga";
import superjson from "superjson";
import { createIdempotency, type RunOptions, transformerCodec } from "../../src/index.ts";
import { consumeOnce } from "../../src/messages/index.ts";
import { app as httpApp } from "../http/support.ts";
import { lapse } from "../leases/helpers.ts";
import type { TestDatabase } from "../support/database.ts";
import { idempotentOn, t, app as trpcApp } from "../trpc/support.ts";
import { keyed, unmarked, app as yogaApp } from "../yoga/support.ts";

/** `ran` gets a word for each thing that was executed. */
type Call = (db: TestDatabase, ran: string[]) => Promise<unknown>;

export interface GoldenCase {
  readonly name: string;
  /** Leaves its rows in an empty table. */
  readonly write: Call;
  /** What is called when the rows are there. Default: the same once more. */
  readonly read?: Call;
  /** What both answer; with a `read`, what that answers. */
  readonly answer: unknown;
  /** What `read` executes, in turn. Default: nothing. */
  readonly executes?: readonly string[];
}

const shared = { sku: "lamp" };
const rich = {
  text: 'NUL \0, half an emoji \ud83d, "quotes", é',
  numbers: [-0, Number.NaN, Infinity, 0.1, 1e21],
  big: 2n ** 70n,
  at: new Date(1_234),
  map: new Map<unknown, unknown>([
    [1, "a"],
    ["1", new Set([1n, undefined])],
  ]),
  twice: [shared, shared],
  nothing: { undefined, null: null },
  url: new URL("https://a.example/?q=1#f"),
  pattern: /a\/b/giu,
};
const devalueOnly = { price: new Decimal("12.50"), bytes: new Uint8Array([0, 255]) };
const input = {
  ...rich,
  ...devalueOnly,
  url: undefined,
  pattern: undefined,
  file: new Blob(["a"], { type: "text/plain" }),
};

const superjsonCodec = transformerCodec(superjson);

class OutOfStock extends Error {
  override readonly name = "OutOfStock";
  readonly available = 3n;
  readonly until = new Date(5);
}

function running(key: string, value: unknown, more: object = {}, options: RunOptions = {}): Call {
  return async ({ prisma }, ran) => {
    const idempotency = createIdempotency({ prisma, ...options });
    const request = { operation: "orders.place", scope: "ada", key, ...more };
    const { value: answer } = await idempotency.run(request, async () => {
      ran.push("handler");
      return value;
    });
    return answer;
  };
}

function failing(key: string, options: RunOptions = {}): Call {
  return async ({ prisma }, ran) => {
    const idempotency = createIdempotency({ prisma, storeError: () => true, ...options });
    const run = idempotency.run({ operation: "orders.place", scope: "ada", key }, async () => {
      ran.push("handler");
      throw new OutOfStock("lamp is sold out");
    });
    return run.catch((error: Error) => ({ ...error, name: error.name, message: error.message }));
  };
}

const outOfStock = {
  name: "OutOfStock",
  message: "lamp is sold out",
  available: 3n,
  until: new Date(5),
};

const order = { id: 7n, at: new Date(9) };
/** An order in steps, in which what comes after `stop` does not happen. */
function leased(key: string, stop?: string): Call {
  return async ({ prisma }, ran) => {
    const idempotency = createIdempotency({ prisma, storeInput: true });
    const request = { operation: "orders.pay", scope: "ada", key, input: { order } };
    const run = idempotency.runLeased(request, async ({ step, transaction }) => {
      const paid = await step("pay", (context) => {
        ran.push("pay");
        return { order, key: context.key };
      });
      const kept = await transaction("keep", async () => {
        ran.push("keep");
        return order.id;
      });
      if (stop !== undefined) throw new Error(stop);
      ran.push("end");
      return { paid, kept };
    });
    const { value } = await run;
    return value;
  };
}

/** What a completer does for a run that was left behind. */
const complete: Call = async (db, ran) => {
  const { abandoned } = createIdempotency({ prisma: db.prisma });
  const run = await abandoned.claim(["orders.pay"]);
  if (run === undefined) return undefined;
  const { operation, scope, key, attempt } = run;
  const answer = { operation, scope, key, attempt, input: run.readInput(), value: undefined as unknown };
  await abandoned.resume(
    run,
    async () => {
      answer.value = await leased(key)(db, ran);
    },
    { retryDelayMs: 1_000 },
  );
  return answer;
};

const giveUp: Call = async (db, ran) => {
  await leased("exhausted", "crash")(db, ran).catch(() => undefined);
  await lapse(db);
  const { abandoned } = createIdempotency({ prisma: db.prisma });
  const run = await abandoned.claim(["orders.pay"]);
  return run && abandoned.giveUp(run, {});
};

const trpc = (key: string, path: "place" | "refuse"): Call => {
  return async ({ prisma }, ran) => {
    const procedure = t.procedure.use(idempotentOn(prisma));
    const router = t.router({
      place: procedure.mutation(() => {
        ran.push("place");
        return { id: 7, item: "lamp", note: undefined };
      }),
      refuse: procedure.mutation(() => {
        ran.push("refuse");
        const cause = new OutOfStock("lamp is sold out");
        throw new TRPCError({ code: "PRECONDITION_FAILED", message: "Sold out", cause });
      }),
    });
    const { status, body } = await trpcApp(router, prisma).send(path, { key });
    return { status, body: JSON.parse(body) as unknown };
  };
};

const typeDefs = /* GraphQL */ `
  type Query { hello: String }
  type Order { id: ID! total: String note: String }
  type Mutation { place(item: String!): Order refuse(item: String!): Order }
`;

const yoga = (key: string, field: "place" | "refuse", unit: "operation" | "field" = "operation"): Call => {
  return async (db, ran) => {
    const resolvers = {
      Order: {
        total: () => "12.50",
        note: () => {
          throw new GraphQLError("no note", { extensions: { code: "NO_NOTE" } });
        },
      },
      Mutation: {
        place: () => {
          ran.push("place");
          return { id: 7 };
        },
        refuse: () => {
          ran.push("refuse");
          throw new GraphQLError("sold out", { extensions: { code: "BAD_USER_INPUT", available: 3 } });
        },
      },
    };
    const { send } = yogaApp(db, {}, { schema: createSchema({ typeDefs, resolvers }) });
    const directive = unit === "field" ? ` @idempotent(key: "${key}")` : "";
    const query = `mutation ($item: String!) { ${field}(item: $item)${directive} { id total note } }`;
    const variables = { item: "lamp" };
    const reply = await send(unit === "field" ? { query, variables } : keyed(query, key, variables));
    return { status: reply.status, text: unmarked(reply) };
  };
};

function http(key: string, body: string | Uint8Array<ArrayBuffer> | null, init: ResponseInit): Call {
  return async ({ prisma }, ran) => {
    const { handle } = httpApp(prisma, () => {
      ran.push("handler");
      return new Response(body, init);
    });
    const headers = { "idempotency-key": `"${key}"`, "content-type": "application/json" };
    const sent = new Request("http://test/orders?b=2&a=1", {
      method: "POST",
      headers,
      body: '{"b":2,"a":1}',
    });
    const response = await handle(sent);
    const { status, statusText } = response;
    // Those tell how the answer came about.
    const own = [...response.headers].filter(([name]) => !/^idempoten(t|cy)-/.test(name));
    return { status, statusText, headers: own, body: [...new Uint8Array(await response.arrayBuffer())] };
  };
}

const consuming: Call = async ({ prisma }, ran) => {
  const idempotency = createIdempotency({ prisma });
  const consumer = consumeOnce({ idempotency, consumer: "shipping", id: ({ id }: { id: string }) => id });
  const { outcome } = await consumer(async () => ran.push("handler"))({ id: "m1" });
  return outcome;
};

const partial =
  '{"errors":[{"message":"no note","locations":[{"line":1,"column":59}],"path":["place","note"],' +
  '"extensions":{"code":"NO_NOTE"}}],"data":{"place":{"id":"7","total":"12.50","note":null}}}';
const refusal =
  '{"errors":[{"message":"sold out","locations":[{"line":1,"column":29}],"path":["refuse"],' +
  '"extensions":{"code":"BAD_USER_INPUT","available":3}}],"data":{"refuse":null}}';

const text = (value: string) => [...new TextEncoder().encode(value)];

/** The keys of the steps in them are what services have seen: no later version may give others. */
export const goldenCases: readonly GoldenCase[] = [
  {
    name: "a result of the default codec, with a rich input",
    write: running("devalue", { ...rich, ...devalueOnly }, { input }),
    answer: { ...rich, ...devalueOnly },
  },
  {
    name: "undefined, without an input, of a numeric scope",
    write: running("nothing", undefined, { scope: 7 }),
    answer: undefined,
  },
  {
    name: "names with what separates names elsewhere",
    write: running("a:b/c|d", "ok", { operation: "orders:place / \ud83d\ude00", scope: "tenant:7\n" }),
    answer: "ok",
  },
  {
    name: "a result of transformerCodec(superjson)",
    write: running("superjson", rich, { input: rich.at }, { codec: superjsonCodec }),
    answer: rich,
  },
  { name: "an error of the default serializer", write: failing("error"), answer: outOfStock },
  {
    name: "an error in transformerCodec(superjson)",
    write: failing("superjson error", { codec: superjsonCodec }),
    answer: outOfStock,
  },
  {
    name: "a leased run, finished",
    write: leased("leased"),
    answer: { paid: { order, key: "Sje-Cc3oc1mX9JUFcgiBf2nMVwQPCBKKcLXMmjdiNeI" }, kept: 7n },
  },
  {
    name: "a leased run, crashed after its steps, and a retry",
    write: (db, ran) => leased("retried", "crash")(db, ran).catch(() => undefined),
    read: leased("retried"),
    answer: { paid: { order, key: "zuGJ10wIIy2UDaoTIzs-amcc2ZYB2w9QusCX--oooZ8" }, kept: 7n },
    executes: ["end"],
  },
  {
    name: "a leased run, crashed after its steps, and a completer",
    write: (db, ran) => leased("abandoned", "crash")(db, ran).catch(() => undefined),
    read: complete,
    answer: {
      operation: "orders.pay",
      scope: "ada",
      key: "abandoned",
      attempt: 2,
      input: { order },
      value: { paid: { order, key: "qO3gGZNQ2pL3hi4120CJ2qTbVxWGS7c8ktJizJF3GyQ" }, kept: 7n },
    },
    executes: ["end"],
  },
  {
    name: "a leased run that a completer has given up",
    write: giveUp,
    read: (db, ran) =>
      leased("exhausted")(db, ran).catch((error: { code?: unknown; details?: unknown }) => error.code),
    answer: "ATTEMPTS_EXHAUSTED",
  },
  {
    name: "a result of a tRPC procedure",
    write: trpc("trpc", "place"),
    answer: { status: 200, body: { result: { data: { id: 7, item: "lamp" } } } },
  },
  {
    name: "a TRPCError",
    write: trpc("trpc-error", "refuse"),
    answer: {
      status: 412,
      body: {
        error: {
          message: "Sold out",
          code: -32012,
          data: { code: "PRECONDITION_FAILED", httpStatus: 412, path: "refuse" },
        },
      },
    },
  },
  {
    name: "a GraphQL operation, with an error below its field",
    write: yoga("yoga", "place"),
    answer: { status: 200, text: partial },
  },
  {
    name: "a GraphQL operation that failed",
    write: yoga("yoga error", "refuse"),
    answer: { status: 200, text: refusal },
  },
  {
    name: "a GraphQL field",
    write: yoga("yoga field", "place", "field"),
    answer: { status: 200, text: partial.replace('"column":59', '"column":90') },
  },
  {
    name: "a GraphQL field that failed",
    write: yoga("yoga field error", "refuse", "field"),
    answer: { status: 200, text: refusal },
  },
  {
    name: "an HTTP response of text",
    write: http("text", '{"id":7}', {
      status: 201,
      statusText: "Made",
      headers: { "content-type": "application/json", etag: '"7"', location: "/orders/7" },
    }),
    answer: {
      status: 201,
      statusText: "Made",
      headers: [
        ["content-type", "application/json"],
        ["etag", '"7"'],
        ["location", "/orders/7"],
      ],
      body: text('{"id":7}'),
    },
  },
  {
    name: "an HTTP response of bytes",
    write: http("bytes", new Uint8Array([0, 255, 128]), { headers: { "content-type": "image/png" } }),
    answer: { status: 200, statusText: "", headers: [["content-type", "image/png"]], body: [0, 255, 128] },
  },
  {
    name: "an HTTP response without a body",
    write: http("bodiless", null, { status: 204 }),
    answer: { status: 204, statusText: "", headers: [], body: [] },
  },
  {
    name: "an HTTP response that undid its writes",
    write: http("refused", "sold out", { status: 422, headers: { "content-type": "text/plain" } }),
    answer: {
      status: 422,
      statusText: "",
      headers: [["content-type", "text/plain"]],
      body: text("sold out"),
    },
  },
  { name: "a consumed message", write: consuming, answer: "consumed" },
];
