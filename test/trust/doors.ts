/** One order through each adapter, asked for by a client that chooses all it can, and all that it can read of the answer. */
import { initTRPC, TRPCError } from "@trpc/server";
import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import type { TRPCRequestInfo } from "@trpc/server/http";
import { GraphQLError } from "graphql";
import { createSchema, createYoga } from "graphql-yoga";
import { idempotencyKeyHeader } from "../../src/client/index.ts";
import { withIdempotency } from "../../src/http/index.ts";
import { type Idempotency, isIdempotencyError } from "../../src/index.ts";
import { consumeOnce } from "../../src/messages/index.ts";
import { idempotencyMiddleware } from "../../src/trpc/index.ts";
import { type LeasedMutationIdempotency, useIdempotency } from "../../src/yoga/index.ts";
import { orderOf } from "../support/runs.ts";
import type { Tx } from "../support/shop.ts";

export type Mode = "transaction" | "lease";

/** What a client sends, and what the handler is to do with it. */
export interface Ask {
  readonly mode: Mode;
  readonly key: string;
  /** The header as it stands on the wire, if it is not the key's. */
  readonly header?: string;
  readonly user: string;
  readonly input: string;
  /** Called in the handler, after its order. What it returns is the result. */
  readonly answer: () => unknown;
}

interface Arrived {
  readonly status: number | undefined;
  /** All that the client can read. */
  readonly text: string;
}

export interface Door {
  readonly name: string;
  /** Whether there is a scope of the application's. */
  readonly hasScope: boolean;
  /** Whether the key is in the header. */
  readonly hasHeader: boolean;
  /** Whether what a handler throws unexpectedly is the adapter's to answer. tRPC sends its text, unless a formatter hides it. */
  readonly masks: boolean;
  send(idempotency: Idempotency<Tx>, ask: Ask): Promise<Arrived>;
}

/** An error that is a handler's answer. */
export class SoldOut extends Error {}

const read = async (response: Response): Promise<Arrived> => ({
  status: response.status,
  text: `${await response.text()} ${JSON.stringify([...response.headers])} ${response.statusText}`,
});

const headersOf = ({ key, header, user }: Ask): Record<string, string> => ({
  "content-type": "application/json",
  "x-user": encodeURIComponent(user),
  ...(header === undefined ? idempotencyKeyHeader(key) : { "idempotency-key": header }),
});

const userOf = (request: { readonly headers: { get(name: string): string | null } }): string =>
  decodeURIComponent(request.headers.get("x-user") ?? "");

const place = (tx: Tx, { key }: Ask) => tx.order.create({ data: orderOf(key) });

type Steps = Pick<LeasedMutationIdempotency<Tx>, "step" | "transaction">;

async function answerInSteps({ step, transaction }: Steps, ask: Ask): Promise<unknown> {
  await transaction("order", async ({ tx }) => {
    await place(tx, ask);
    return { input: ask.input };
  });
  return step("answer", ask.answer);
}

async function answerIn(tx: Tx, ask: Ask): Promise<unknown> {
  await place(tx, ask);
  return ask.answer();
}

async function throughTrpc(idempotency: Idempotency<Tx>, ask: Ask): Promise<Arrived> {
  interface Context {
    req: Request;
    info: TRPCRequestInfo;
    resHeaders: Headers;
  }
  const t = initTRPC.context<Context>().create({ isDev: false });
  const shared = { idempotency, scope: ({ ctx }: { ctx: Context }) => userOf(ctx.req) };
  const soldOut = (error: unknown): never => {
    throw error instanceof SoldOut
      ? new TRPCError({ code: "PAYMENT_REQUIRED", message: error.message })
      : error;
  };
  const procedure = t.procedure.input((input: unknown) => input);
  const router = t.router({
    transaction: procedure
      .use(idempotencyMiddleware(shared))
      .mutation(({ ctx }) => answerIn(ctx.tx, ask).catch(soldOut)),
    lease: procedure
      .use(idempotencyMiddleware({ ...shared, mode: "lease" }))
      .mutation(({ ctx }) => answerInSteps(ctx.idempotency, ask).catch(soldOut)),
  });
  const req = new Request(`http://test/trpc/${ask.mode}`, {
    method: "POST",
    headers: headersOf(ask),
    body: JSON.stringify({ card: ask.input }),
  });
  const createContext = ({ info, resHeaders }: Omit<Context, "req">) => ({ req, info, resHeaders });
  return read(await fetchRequestHandler({ endpoint: "/trpc", req, router, createContext }));
}

interface YogaContext {
  request: Request;
  tx: Tx;
  idempotency: LeasedMutationIdempotency<Tx>;
}

const throughYoga =
  (directive: string, isKeyInHeader: boolean) =>
  async (idempotency: Idempotency<Tx>, ask: Ask): Promise<Arrived> => {
    const order = async (_: unknown, __: unknown, context: YogaContext) => {
      try {
        return JSON.stringify(
          await (ask.mode === "lease" ? answerInSteps(context.idempotency, ask) : answerIn(context.tx, ask)),
        );
      } catch (error) {
        throw error instanceof SoldOut
          ? new GraphQLError(error.message, { extensions: { code: "SOLD_OUT" } })
          : error;
      }
    };
    const yoga = createYoga({
      schema: createSchema<YogaContext>({
        typeDefs: "type Query { hello: String } type Mutation { order(card: String): String }",
        resolvers: { Mutation: { order } },
      }),
      logging: false,
      plugins: [
        useIdempotency<YogaContext>({
          idempotency,
          scope: ({ request }) => userOf(request),
          mode: ask.mode,
        }),
      ],
    });
    const { "idempotency-key": _, "Idempotency-Key": __, ...others } = headersOf(ask);
    const response = await yoga.fetch("http://test/graphql", {
      method: "POST",
      headers: isKeyInHeader ? headersOf(ask) : others,
      body: JSON.stringify({
        query: `mutation ($card: String, $key: String = "") { order(card: $card) ${directive} }`.replace(
          isKeyInHeader ? ', $key: String = ""' : "",
          "",
        ),
        variables: { card: ask.input, ...(isKeyInHeader ? {} : { key: ask.header ?? ask.key }) },
      }),
    });
    return read(response);
  };

async function throughHttp(idempotency: Idempotency<Tx>, ask: Ask): Promise<Arrived> {
  const answered = async (work: Promise<unknown>): Promise<Response> => {
    try {
      return Response.json(await work);
    } catch (error) {
      if (error instanceof SoldOut) return Response.json({ code: error.message }, { status: 402 });
      throw error;
    }
  };
  const shared = { idempotency, scope: userOf, operation: "POST /orders" };
  const handle =
    ask.mode === "lease"
      ? withIdempotency({ ...shared, mode: "lease" }, async (_request, context) =>
          answered(answerInSteps(context, ask)),
        )
      : withIdempotency(shared, async (_request, { tx }) => answered(answerIn(tx, ask)));
  const request = new Request("http://test/orders?secret", {
    method: "POST",
    headers: headersOf(ask),
    body: JSON.stringify({ card: ask.input }),
  });
  try {
    return await read(await handle(request));
  } catch {
    // Any other error is the framework's to answer.
    return { status: 500, text: "" };
  }
}

async function throughMessages(idempotency: Idempotency<Tx>, ask: Ask): Promise<Arrived> {
  const shared = {
    idempotency,
    consumer: "shipping",
    id: () => ask.header ?? ask.key,
    input: () => ({ card: ask.input }),
  };
  const consume =
    ask.mode === "lease"
      ? consumeOnce({ ...shared, mode: "lease" })(async (_message: string, context) => {
          await answerInSteps(context, ask);
        })
      : consumeOnce(shared)(async (_message: string, { tx }) => {
          await answerIn(tx, ask);
        });
  const error: unknown = await consume("a message").then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return {
    status: undefined,
    text: isIdempotencyError(error) ? `${error.name} ${error.message} ${JSON.stringify(error.details)}` : "",
  };
}

export const DOORS: readonly Door[] = [
  { name: "tRPC", hasScope: true, hasHeader: true, masks: false, send: throughTrpc },
  {
    name: "Yoga, a whole operation",
    hasScope: true,
    hasHeader: true,
    masks: true,
    send: throughYoga("", true),
  },
  {
    name: "Yoga, a field with a key of its own",
    hasScope: true,
    hasHeader: false,
    masks: true,
    send: throughYoga("@idempotent(key: $key)", false),
  },
  { name: "HTTP", hasScope: true, hasHeader: true, masks: true, send: throughHttp },
  { name: "messages", hasScope: false, hasHeader: false, masks: true, send: throughMessages },
];
