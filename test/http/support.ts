import type { HttpContext, HttpIdempotencyOptions } from "../../src/http/index.ts";
import { withIdempotency } from "../../src/http/index.ts";
import { createIdempotency, type TransactionOf } from "../../src/index.ts";
import type { TestClient } from "../support/clients.ts";
import type { TestDatabase } from "../support/database.ts";

export type Transaction = TransactionOf<TestClient>;
export type Options = Partial<HttpIdempotencyOptions<Transaction>>;
type TestHandler = (request: Request, context: HttpContext<Transaction>) => Response | Promise<Response>;

export interface Sent {
  /** The header as it stands on the wire. */
  key?: string | null;
  method?: string;
  path?: string;
  body?: BodyInit | null;
  headers?: Record<string, string>;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  replayed: boolean;
}

export async function read(response: Response): Promise<Answer> {
  const { status, headers } = response;
  return {
    status,
    headers,
    text: await response.text(),
    replayed: headers.get("idempotent-replayed") === "true",
  };
}

let keys = 0;
/** The header of a key that no test has used. */
export const freshKey = (): string => `"fresh ${(keys += 1)}"`;

/** A request as a server makes one. */
export function requestOf({
  key = '"k1"',
  method = "POST",
  path = "/orders",
  body,
  headers,
}: Sent = {}): Request {
  return new Request(`http://test${path}`, {
    method,
    headers: { ...(key === null ? {} : { "idempotency-key": key }), ...headers },
    ...(body === undefined || body === null ? {} : { body, duplex: "half" }),
  } as RequestInit);
}

/** A handler behind `withIdempotency`. The scope is the header `x-user`. */
export function app(prisma: TestClient, handler: TestHandler, options: Options = {}) {
  const handle = withIdempotency(
    {
      idempotency: createIdempotency({ prisma }),
      scope: (request) => request.headers.get("x-user") ?? "ada",
      ...options,
    },
    handler,
  );
  return {
    handle,
    send: async (sent: Sent = {}) => read(await handle(requestOf(sent))),
  };
}

export const order = { key: "k", customer: "ada", item: "lamp", quantity: 1, total: "12.50", big: 1n };

/** Makes an order, and answers 201 with its id. */
export async function place(_request: Request, { tx }: HttpContext<Transaction>): Promise<Response> {
  const { id } = await tx.order.create({ data: order });
  return Response.json({ id }, { status: 201, headers: { location: `/orders/${id}` } });
}

export async function recordsOf(database: TestDatabase) {
  return database.query(
    "SELECT operation, scope, key, status FROM idempotency_record ORDER BY operation, key",
  );
}

/** A problem document, checked for what all of them have. */
export function problemIn({ status, headers, text }: Answer): Record<string, unknown> {
  const problem = JSON.parse(text) as Record<string, unknown>;
  const slug = String(problem["code"]).toLowerCase().replaceAll("_", "-");
  const complete =
    headers.get("content-type") === "application/problem+json" &&
    problem["status"] === status &&
    problem["type"] === `urn:onceonly:problem:${slug}` &&
    headers.get("link") === null &&
    typeof problem["title"] === "string" &&
    typeof problem["detail"] === "string";
  if (!complete) throw new Error(`not a complete problem document: ${status} ${text}`);
  return problem;
}

export const codeIn = (answer: Answer) => [answer.status, problemIn(answer)["code"]];
