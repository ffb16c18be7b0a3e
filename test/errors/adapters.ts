/** One order through each adapter, and what arrives at its client. */
import { initTRPC, TRPCError } from "@trpc/server";
import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import type { TRPCRequestInfo } from "@trpc/server/http";
import { GraphQLError } from "graphql";
import { createSchema, createYoga } from "graphql-yoga";
import { withIdempotency } from "../../src/http/index.ts";
import { type Idempotency, isIdempotencyError } from "../../src/index.ts";
import { consumeOnce } from "../../src/messages/index.ts";
import { idempotencyMiddleware } from "../../src/trpc/index.ts";
import { type LeasedMutationIdempotency, useIdempotency } from "../../src/yoga/index.ts";
import { orderOf } from "../support/runs.ts";
import type { Tx } from "../support/shop.ts";

export type Mode = "transaction" | "lease";

/** What a handler is to do, besides its order. */
interface Work {
  /** `undefined` for a request without a key. */
  key: string | undefined;
  mode: Mode;
  /** To fail, with an answer that is stored. */
  isSoldOut?: boolean;
  /** To lose its connection, after its order. */
  isCut?: boolean;
}

export interface Arrived {
  /** Of messages there is none. */
  status: number | undefined;
  /** The transport's own. */
  code: string | undefined;
  outcome: string | null;
  retryAfter: string | null;
  /** All that the client can read. */
  text: string;
}

export interface Adapter {
  name: string;
  modes: readonly Mode[];
  send(idempotency: Idempotency<Tx>, work: Work): Promise<Arrived>;
  /** Code and status of ours. */
  codes: Readonly<Record<string, readonly [status: number | undefined, code: string]>>;
  /** How the answer of a handler that is sold out arrives. */
  soldOut: readonly [status: number | undefined, code: string | undefined];
}

async function place(tx: Tx, { key, isCut }: Work): Promise<void> {
  await tx.order.create({ data: orderOf(key ?? "none") });
  if (isCut === true) await tx.$queryRaw`SELECT pg_terminate_backend(pg_backend_pid())`;
}

type Steps = Pick<LeasedMutationIdempotency<Tx>, "step" | "transaction">;

async function placeInSteps({ step, transaction }: Steps, work: Work): Promise<void> {
  await step("charge", () => 1);
  await transaction("order", ({ tx }) => place(tx, work));
}

const headersOf = ({ key }: Work): Record<string, string> => ({
  "content-type": "application/json",
  ...(key === undefined ? {} : { "idempotency-key": key }),
});

/** The body, and the headers with their names. */
async function read(response: Response) {
  const body = await response.text();
  return {
    status: response.status,
    outcome: response.headers.get("idempotency-outcome"),
    retryAfter: response.headers.get("retry-after"),
    text: `${body} ${JSON.stringify([...response.headers])}`,
    json: JSON.parse(body || "null") as unknown,
  };
}

interface TrpcContext {
  req: Request;
  info: TRPCRequestInfo;
  resHeaders: Headers;
}

async function throughTrpc(idempotency: Idempotency<Tx>, work: Work): Promise<Arrived> {
  const t = initTRPC.context<TrpcContext>().create({ isDev: false });
  const shared = { idempotency, scope: "global" as const, requireKey: false };
  const end = () => {
    if (work.isSoldOut === true) throw new TRPCError({ code: "PAYMENT_REQUIRED", message: "sold out" });
  };
  const router = t.router({
    transaction: t.procedure.use(idempotencyMiddleware(shared)).mutation(async ({ ctx }) => {
      await place(ctx.tx, work);
      end();
    }),
    lease: t.procedure.use(idempotencyMiddleware({ ...shared, mode: "lease" })).mutation(async ({ ctx }) => {
      await placeInSteps(ctx.idempotency, work);
      end();
    }),
  });
  const req = new Request(`http://test/trpc/${work.mode}`, { method: "POST", headers: headersOf(work) });
  const createContext = ({ info, resHeaders }: Omit<TrpcContext, "req">) => ({ req, info, resHeaders });
  const { json, ...answer } = await read(
    await fetchRequestHandler({ endpoint: "/trpc", req, router, createContext }),
  );
  const { error } = json as { error?: { data: { code: string } } };
  return { ...answer, code: error?.data.code };
}

interface YogaContext {
  tx: Tx;
  idempotency: LeasedMutationIdempotency<Tx>;
}

const throughYoga =
  (selection: (key: string | undefined) => string, isKeyInHeader: boolean) =>
  async (idempotency: Idempotency<Tx>, work: Work): Promise<Arrived> => {
    const order = async (_: unknown, __: unknown, context: YogaContext) => {
      await (work.mode === "lease" ? placeInSteps(context.idempotency, work) : place(context.tx, work));
      if (work.isSoldOut === true) {
        throw new GraphQLError("sold out", { extensions: { code: "SOLD_OUT" } });
      }
      return "ok";
    };
    const yoga = createYoga({
      schema: createSchema<YogaContext>({
        typeDefs: "type Query { hello: String } type Mutation { order: String }",
        resolvers: { Mutation: { order } },
      }),
      logging: false,
      plugins: [
        useIdempotency<YogaContext>({ idempotency, scope: "global", requireKey: false, mode: work.mode }),
      ],
    });
    const response = await yoga.fetch("http://test/graphql", {
      method: "POST",
      headers: headersOf(isKeyInHeader ? work : { ...work, key: undefined }),
      body: JSON.stringify({ query: `mutation { ${selection(work.key)} }` }),
    });
    const { json, ...answer } = await read(response);
    const { errors, extensions } = json as {
      errors?: { extensions?: { code?: string } }[];
      extensions?: { idempotency?: { outcome: string } };
    };
    // In band, since a batch has no headers for it; both say the same.
    const inBand = extensions?.idempotency?.outcome ?? null;
    const outcome = inBand === answer.outcome ? inBand : `${inBand} in band, ${answer.outcome} in the header`;
    return { ...answer, outcome, code: errors?.[0]?.extensions?.code };
  };

async function throughHttp(idempotency: Idempotency<Tx>, work: Work): Promise<Arrived> {
  const handle = withIdempotency(
    { idempotency, scope: "global", operation: "orders", requireKey: false },
    async (_request, { tx }) => {
      await place(tx, work);
      return work.isSoldOut === true
        ? Response.json({ code: "SOLD_OUT" }, { status: 402 })
        : Response.json("ok");
    },
  );
  const request = new Request("http://test/orders", { method: "POST", headers: headersOf(work) });
  const { json, ...answer } = await read(await handle(request));
  return { ...answer, code: (json as { code?: string }).code };
}

/** What arrives at a consumer's loop is the error. */
async function throughMessages(idempotency: Idempotency<Tx>, work: Work): Promise<Arrived> {
  const shared = { idempotency, consumer: "shipping", id: (_message: string) => work.key, attemptsMax: 1 };
  const onPoison = () => Promise.reject(new Error("a message was blamed"));
  const consume =
    work.mode === "lease"
      ? consumeOnce({ ...shared, onPoison, mode: "lease" })(async (_message: string, context) =>
          placeInSteps(context, work),
        )
      : consumeOnce({ ...shared, onPoison })(async (_message: string, { tx }) => place(tx, work));
  const error: unknown = await consume("a message").then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  const ours = isIdempotencyError(error) ? error : undefined;
  return {
    status: undefined,
    code: ours?.code ?? (error instanceof Error ? error.message : undefined),
    outcome: ours === undefined ? null : "released",
    retryAfter: ours?.retryAfterMs === undefined ? null : String(ours.retryAfterMs / 1_000),
    text: error instanceof Error ? `${error.name} ${error.message}` : "",
  };
}

const CODES = {
  IN_PROGRESS: [409, "CONFLICT", "IDEMPOTENCY_CONCURRENT_REQUEST"],
  STORE_UNAVAILABLE: [503, "SERVICE_UNAVAILABLE", "IDEMPOTENCY_STORE_UNAVAILABLE"],
  STORE_MISCONFIGURED: [500, "INTERNAL_SERVER_ERROR", "IDEMPOTENCY_STORE_MISCONFIGURED"],
  RESULT_UNSTORABLE: [500, "INTERNAL_SERVER_ERROR", "IDEMPOTENCY_RESULT_UNSTORABLE"],
} as const;

const codes = (of: (code: keyof typeof CODES) => readonly [number | undefined, string]): Adapter["codes"] =>
  Object.fromEntries((Object.keys(CODES) as (keyof typeof CODES)[]).map((code) => [code, of(code)]));

const BOTH = ["transaction", "lease"] as const;
const GRAPHQL: Pick<Adapter, "modes" | "codes" | "soldOut"> = {
  modes: BOTH,
  codes: codes((code) => [CODES[code][0], CODES[code][2]]),
  soldOut: [200, "SOLD_OUT"],
};

export const ADAPTERS: readonly Adapter[] = [
  {
    name: "tRPC",
    modes: BOTH,
    send: throughTrpc,
    codes: codes((code) => [CODES[code][0], CODES[code][1]]),
    soldOut: [402, "PAYMENT_REQUIRED"],
  },
  { name: "Yoga, a whole operation", send: throughYoga(() => "order", true), ...GRAPHQL },
  {
    name: "Yoga, a field with a key of its own",
    send: throughYoga((key) => (key === undefined ? "order" : `order @idempotent(key: "${key}")`), false),
    ...GRAPHQL,
  },
  {
    name: "HTTP",
    modes: ["transaction"],
    send: throughHttp,
    codes: codes((code) => [CODES[code][0], code]),
    soldOut: [402, "SOLD_OUT"],
  },
  {
    name: "messages",
    modes: BOTH,
    send: throughMessages,
    codes: codes((code) => [undefined, code]),
    soldOut: [undefined, undefined],
  },
];
