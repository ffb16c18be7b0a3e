import type { AddressInfo } from "node:net";
import { type AnyTRPCRouter, initTRPC } from "@trpc/server";
import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { createHTTPServer } from "@trpc/server/adapters/standalone";
import type { TRPCRequestInfo } from "@trpc/server/http";
import { createIdempotency, type RunOptions } from "../../src/index.ts";
import { type IdempotencyMeta, idempotencyMiddleware } from "../../src/trpc/index.ts";
import type { RequestParts } from "../../src/trpc/request/request-parts.ts";
import type { TestClient } from "../support/clients.ts";

/** What an application's `createContext` returns: tRPC's own arguments, its client, its user. */
export interface Context {
  user: string;
  prisma: TestClient;
  req?: { headers: Headers | Record<string, string | string[] | undefined> } | undefined;
  info?: TRPCRequestInfo | undefined;
  resHeaders?: Headers | undefined;
  res?: RequestParts["res"];
}

export const t = initTRPC.context<Context>().meta<IdempotencyMeta>().create({ isDev: false });

export function idempotentOn(prisma: TestClient, options: RunOptions = {}) {
  return idempotencyMiddleware({
    idempotency: createIdempotency({ prisma, ...options }),
    scope: ({ ctx }: { ctx: Context }) => ctx.user,
  });
}

export function order(key: string, quantity = 1) {
  return { key, customer: "ada", item: "lamp", quantity, total: "12.50", big: 2n ** 60n };
}

export interface Answer {
  status: number;
  body: string;
  headers: Headers;
}

export interface CallOptions {
  /** The value of the header, as it stands on the wire. */
  key?: string;
  user?: string;
  input?: unknown;
  headers?: Record<string, string>;
}

/** An application behind tRPC's fetch adapter. */
export function app(router: AnyTRPCRouter, prisma: TestClient, extra: Partial<Context> = {}) {
  const handle = (req: Request) =>
    fetchRequestHandler({
      endpoint: "/trpc",
      req,
      router,
      createContext: ({ info, resHeaders }) => ({
        user: req.headers.get("x-user") ?? "ada",
        prisma,
        req,
        info,
        resHeaders,
        ...extra,
      }),
    });
  const send = async (path: string, { key, user, input, headers }: CallOptions = {}): Promise<Answer> => {
    const request = new Request(`http://test/trpc/${path}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(key === undefined ? {} : { "idempotency-key": key }),
        ...(user === undefined ? {} : { "x-user": user }),
        ...headers,
      },
      ...(input === undefined ? {} : { body: JSON.stringify(input) }),
    });
    return read(await handle(request));
  };
  return {
    handle,
    send,
    fetch: (url: string | URL | Request, init?: RequestInit) => handle(new Request(url, init)),
  };
}

export async function read(response: Response): Promise<Answer> {
  return { status: response.status, body: await response.text(), headers: response.headers };
}

export interface Listening extends AsyncDisposable {
  url: string;
}

/** An application behind tRPC's standalone Node server. */
export async function listen(router: AnyTRPCRouter, prisma: TestClient): Promise<Listening> {
  const server = createHTTPServer({
    router,
    createContext: ({ req, res, info }) => ({ user: "ada", prisma, req, res, info }),
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Something one side gives and the other awaits. */
export function signal() {
  let give!: () => void;
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
}
