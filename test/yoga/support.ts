import { GraphQLError } from "graphql";
import { createSchema, createYoga, type YogaServerOptions } from "graphql-yoga";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { type IdempotencyPluginOptions, useIdempotency } from "../../src/yoga/index.ts";
import type { TestClient } from "../support/clients.ts";
import type { TestDatabase } from "../support/database.ts";

export interface Context {
  user: string;
  tx?: TestClient;
  prisma: TestClient;
  idempotency?: { key?: string; attempt?: number; deriveKey?: (name: string) => string };
}

const typeDefs = /* GraphQL */ `
  scalar File
  type Query { hello: String }
  type Order {
    id: ID!
    item: String!
    total: String!
    note: String
    tags: [String!]
    risky(code: String): String
    itself: Order!
  }
  type Mutation {
    place(item: String!, quantity: Int = 1): Order
    placeStrict(item: String!): Order!
    "Writes, then fails with the given extensions."
    fail(code: String, status: Int, message: String): Order
    failStrict(code: String): Order!
    crash(item: String): Order
    upload(file: File!): String
    attempt: String
    slow(item: String!): Order
    "Reads the balance of an account, takes its time, and writes it back increased."
    deposit(amount: Int!): Int
  }
`;

interface Place {
  item: string;
  quantity?: number;
}

/** Every execution is counted by a row; what was rolled back leaves none. */
async function place(context: Context, { item, quantity = 1 }: Place) {
  const client = context.tx ?? context.prisma;
  const data = { key: "k", customer: context.user, item, quantity, total: "12.50", big: 1n };
  return client.order.create({ data });
}

export const SECRET = "secret db password";

const resolvers = {
  Order: {
    total: (order: { total: unknown }) => String(order.total),
    note: () => "a note",
    tags: () => ["a", "b"],
    risky: (_: unknown, { code }: { code?: string }) => {
      if (code === "CRASH") throw new Error(SECRET);
      throw new GraphQLError("risky failed", { extensions: { code } });
    },
    itself: (order: unknown) => order,
  },
  Mutation: {
    place: (_: unknown, args: Place, context: Context) => place(context, args),
    placeStrict: (_: unknown, args: Place, context: Context) => place(context, args),
    async fail(_: unknown, args: { code?: string; status?: number; message?: string }, context: Context) {
      await place(context, { item: "failed" });
      const { code, status, message = "failed as asked" } = args;
      throw new GraphQLError(message, {
        extensions: { ...(code && { code }), ...(status && { http: { status } }), hint: { retry: [1, 2] } },
      });
    },
    async failStrict(_: unknown, { code }: { code?: string }, context: Context) {
      await place(context, { item: "failed" });
      throw new GraphQLError("failed strictly", { extensions: { code } });
    },
    async crash(_: unknown, { item = "crashed" }: { item?: string }, context: Context) {
      await place(context, { item });
      throw new Error(SECRET);
    },
    async upload(_: unknown, { file }: { file: { text(): Promise<string> } }, context: Context) {
      const text = await file.text();
      await place(context, { item: text });
      return text;
    },
    attempt: (_: unknown, __: unknown, { idempotency }: Context) =>
      `${idempotency?.key} ${idempotency?.attempt} ${idempotency?.deriveKey?.("mail")?.length}`,
    async slow(_: unknown, args: Place, context: Context) {
      const order = await place(context, args);
      await new Promise((resolve) => setTimeout(resolve, 300));
      return order;
    },
    async deposit(_: unknown, { amount }: { amount: number }, { tx, prisma }: Context) {
      const client = tx ?? prisma;
      const { balance } = await client.account.findUniqueOrThrow({ where: { id: "a" } });
      await new Promise((resolve) => setTimeout(resolve, 100));
      await client.account.update({ where: { id: "a" }, data: { balance: balance + amount } });
      return balance + amount;
    },
  },
};

export const schema = createSchema<Context>({ typeDefs, resolvers });

/** With the directives of incremental delivery, which Yoga's executor then honours. */
export const incrementalSchema = createSchema<Context>({
  typeDefs: [
    typeDefs,
    `directive @defer(if: Boolean, label: String) on FRAGMENT_SPREAD | INLINE_FRAGMENT
     directive @stream(if: Boolean, label: String, initialCount: Int = 0) on FIELD`,
  ],
  resolvers,
});

export interface App {
  /** Sends one request and gives its raw answer. */
  send: (body: unknown, headers?: Record<string, string>) => Promise<Reply>;
  fetch: (url: string, init: RequestInit) => Promise<Response>;
}

export interface Reply {
  status: number;
  text: string;
  headers: Headers;
  // The shape is what each test asserts.
  json: any;
}

type Options = Partial<IdempotencyPluginOptions<Context>>;

/** A real Yoga server over a real database. */
export function app(
  db: TestDatabase,
  options: Options = {},
  yogaOptions: Partial<YogaServerOptions<object, Context>> = {},
): App {
  const { plugins = [], ...rest } = yogaOptions;
  const idempotency = options.idempotency ?? createIdempotency({ prisma: db.prisma });
  const yoga = createYoga({
    schema,
    batching: true,
    logging: false,
    context: ({ request }) => ({ user: request.headers.get("x-user") ?? "ada", prisma: db.prisma }),
    ...rest,
    plugins: [...plugins, useIdempotency<Context>({ idempotency, scope: ({ user }) => user, ...options })],
  });
  const fetch = async (url: string, init: RequestInit) => yoga.fetch(url, init);
  return {
    fetch,
    async send(body, headers = {}) {
      const response = await fetch("http://localhost/graphql", {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
      });
      return readReply(response);
    },
  };
}

export async function readReply(response: Response): Promise<Reply> {
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: JSON.parse(text || "null") };
}

/** A body with its key in `extensions`. */
export function keyed(query: string, key: unknown, variables?: object) {
  return { query, variables, extensions: { idempotencyKey: key } };
}

/** The text of a reply without what it tells of its keys: a replay has all else of the first answer, byte by byte. */
export function unmarked({ text }: Reply): string {
  return text.replace(/,"extensions":\{"idempotency":.*\}\}$/, "}");
}

/** What the body of a reply tells of its key, in few words. */
export function toldIn({ json }: Pick<Reply, "json">): string | undefined {
  const { outcome, replayed } = json.extensions?.idempotency ?? {};
  return replayed ? `${outcome}, replayed` : outcome;
}

/** The root fields whose answer is a replay. */
export function replayedFields({ json }: Pick<Reply, "json">): string[] {
  const fields: Record<string, { replayed: boolean }> = json.extensions?.idempotency?.fields ?? {};
  return Object.keys(fields).filter((name) => fields[name]?.replayed);
}

export async function recordsOf(db: TestDatabase) {
  return db.query(
    "SELECT operation, status, attempt, response FROM idempotency_record ORDER BY operation, status",
  );
}
