import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type AnyTRPCRouter, initTRPC } from "@trpc/server";
import { createHTTPServer } from "@trpc/server/adapters/standalone";
import type { TRPCRequestInfo } from "@trpc/server/http";
import { isIdempotencyError } from "../../src/index.ts";
import type { IdempotencyMeta } from "../../src/trpc/index.ts";
import type { TestClient } from "../support/clients.ts";
import type { TestDatabase } from "../support/database.ts";

export interface Context {
  user: string;
  prisma: TestClient;
  req?: { headers: Record<string, string | string[] | undefined> } | undefined;
  info?: TRPCRequestInfo | undefined;
  res?: { headersSent: boolean; setHeader(name: string, value: string): unknown } | undefined;
}

/** Clients see the code of our own errors. */
export const t = initTRPC
  .context<Context>()
  .meta<IdempotencyMeta>()
  .create({
    isDev: false,
    errorFormatter: ({ shape, error }) => ({
      ...shape,
      data: { ...shape.data, ours: isIdempotencyError(error.cause) ? error.cause.code : null },
    }),
  });

export const orderOf = (key: string, customer = "ada") => ({
  key,
  customer,
  item: "lamp",
  quantity: 1,
  total: "12.50",
  big: 1n,
});

/** Something outside of the database: it counts what it was asked, by the key it was given. */
export function paymentService() {
  const calls: string[] = [];
  return {
    calls,
    charge(key: string) {
      calls.push(key);
      return { chargeId: `ch_${calls.length}` };
    },
  };
}

export interface SendOptions {
  key?: string;
  user?: string;
  input?: unknown;
  body?: FormData;
}

export interface Answer {
  status: number;
  text: string;
  // The shape is what each test asserts.
  json: any;
  replayed: string | null;
  retryAfter: string | null;
}

/** The application behind a real HTTP server. */
export async function serve(router: AnyTRPCRouter, prisma: TestClient) {
  const server = createHTTPServer({
    router,
    createContext: ({ req, res, info }) => ({
      user: String(req.headers["x-user"] ?? "ada"),
      prisma,
      req,
      res,
      info,
    }),
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    async send(path: string, { key, user, input, body }: SendOptions = {}): Promise<Answer> {
      const response = await fetch(`${url}/${path}`, {
        method: "POST",
        headers: {
          ...(body === undefined ? { "content-type": "application/json" } : {}),
          ...(key === undefined ? {} : { "idempotency-key": key }),
          ...(user === undefined ? {} : { "x-user": user }),
        },
        body: body ?? JSON.stringify(input ?? {}),
      });
      const text = await response.text();
      return {
        status: response.status,
        text,
        json: JSON.parse(text),
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

/** Has all leases lapse, as if their executors had been gone for an hour. */
export async function lapse(db: TestDatabase): Promise<void> {
  const hourAgo =
    db.provider === "sqlite"
      ? "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '-1 hour')"
      : "now() - interval '1 hour'";
  await db.query(`UPDATE idempotency_record SET locked_until = ${hourAgo} WHERE status = 'in_progress'`);
}

/** Gives the claim of every run under way to another. */
export async function steal(db: TestDatabase): Promise<void> {
  await db.query("UPDATE idempotency_record SET owner = 'another' WHERE status = 'in_progress'");
}

export async function recordsOf(db: TestDatabase) {
  return db.query(
    "SELECT operation, scope, key, status, attempt, response, input FROM idempotency_record ORDER BY operation, scope, key",
  );
}

export async function stepsOf(db: TestDatabase): Promise<unknown[]> {
  return (await db.query("SELECT name FROM idempotency_step ORDER BY name")).map(({ name }) => name);
}
