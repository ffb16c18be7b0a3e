/** What the examples do not show: bodies that a framework has parsed before, and a client that hangs up half-way. */
import { once } from "node:events";
import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { createServerAdapter } from "@whatwg-node/server";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { validator } from "hono/validator";
import { describe, expect, it } from "vitest";
import { databases } from "../support/database.ts";
import { gate } from "../support/gate.ts";
import { app, codeIn, place, read } from "./support.ts";

async function portOf(server: Server): Promise<number> {
  if (!server.listening) await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

describe.each(databases)("servers, on $name", ({ open }) => {
  const echo = async (request: Request) => Response.json({ got: await request.json() });

  interface Front {
    port: Promise<number>;
    close: () => void;
  }

  /** Servers whose parsers stand before the handler. */
  const parsing: [
    name: string,
    listen: (handle: (request: Request, arg?: never) => Promise<Response>) => Front,
  ][] = [
    [
      "Express",
      (handle) => {
        const adapter = createServerAdapter((request: Request, arg) => handle(request, arg as never));
        const server = express().use(express.json()).post("/orders", adapter).listen(0, "127.0.0.1");
        return { port: portOf(server), close: () => void server.close() };
      },
    ],
    [
      "Fastify",
      (handle) => {
        const fastify = Fastify();
        fastify.post("/orders", async (req, reply) => {
          const { url, method, headers } = req;
          const request = new Request(`http://test${url}`, {
            method,
            headers: headers as Record<string, string>,
          });
          const answer = await handle(request, { req } as never);
          return reply
            .status(answer.status)
            .headers(Object.fromEntries(answer.headers))
            .send(await answer.text());
        });
        const port = fastify.listen({ port: 0, host: "127.0.0.1" }).then(() => portOf(fastify.server));
        return { port, close: () => void fastify.close() };
      },
    ],
    [
      "Hono, by a validator",
      (handle) => {
        const valid = validator("json", (value) => value);
        const hono = new Hono().post("/orders", valid, (c) => handle(c.req.raw, c as never));
        const server = serve({ fetch: hono.fetch, port: 0, hostname: "127.0.0.1" }) as Server;
        return { port: portOf(server), close: () => void server.close() };
      },
    ],
  ];

  it.each(parsing)("takes a body that was parsed before by %s", async (_name, listen) => {
    await using db = await open();
    const { handle } = app(db.prisma, echo);
    const server = listen(handle as (request: Request, arg?: never) => Promise<Response>);
    const url = `http://127.0.0.1:${await server.port}/orders`;
    const post = async (key: string, body: string) => {
      const headers = { "idempotency-key": key, "content-type": "application/json" };
      const { status, text, replayed } = await read(await fetch(url, { method: "POST", headers, body }));
      return status === 200 ? `${text}${replayed ? ", again" : ""}` : status;
    };
    expect(await post("k1", '{"a":1,"b":2}')).toBe('{"got":{"a":1,"b":2}}');
    expect(await post("k1", '{"b":2,"a":1}')).toBe('{"got":{"a":1,"b":2}}, again');
    expect(await post("k1", '{"a":1}')).toBe(422);
    for (const [key, body] of Object.entries({ k2: "{}", k3: "[]" })) {
      expect(await post(key, body)).toBe(`{"got":${body}}`);
      expect(await post(key, body)).toBe(`{"got":${body}}, again`);
      expect(await post(key, '{"a":1}')).toBe(422);
    }
    server.close();
  });

  describe("with the Response that Hono's server puts in the place of Node's", () => {
    const withHonos = async (use: () => Promise<void>) => {
      const server = serve({ fetch: () => new Response(), port: 0, hostname: "127.0.0.1" }) as Server;
      await portOf(server);
      // Derived from Node's own, which is derived from none.
      expect(Object.getPrototypeOf(Response)).not.toBe(Function.prototype);
      await use();
      server.close();
    };

    it("an answer passed on from another server tells the outcome", async () => {
      await using db = await open();
      await withHonos(async () => {
        const { send } = app(db.prisma, async () => fetch("data:text/plain,no"), {
          outcome: () => "release",
        });
        const { text, headers } = await send();
        expect([text, headers.get("idempotency-outcome")]).toEqual(["no", "released"]);
      });
    });

    it("a stored status that nobody can answer with is unreadable, and executes nothing", async () => {
      await using db = await open();
      await withHonos(async () => {
        const { send } = app(db.prisma, place);
        expect((await send()).status).toBe(201);
        await db.query("UPDATE idempotency_record SET response = replace(response, '201', '999')");
        expect(codeIn(await send())).toEqual([500, "RESULT_UNREADABLE"]);
        expect(await db.countOrders()).toBe(1);
      });
    });
  });

  it("finishes for a client that hangs up half-way, whose retry gets the answer", async () => {
    await using db = await open();
    const began = gate();
    const hungUp = gate();
    let executions = 0;
    const { handle } = app(db.prisma, async (request, context) => {
      executions += 1;
      request.signal.addEventListener("abort", () => hungUp.open());
      began.open();
      await hungUp.opened;
      return place(request, context);
    });
    const adapter = createServerAdapter(handle as (request: Request) => Promise<Response>);
    const server = createServer((...call) => void adapter(...call));
    server.listen(0, "127.0.0.1");
    const port = await portOf(server);
    const headers = { "idempotency-key": "k1", "content-type": "text/plain" };
    const options = {
      host: "127.0.0.1",
      port,
      method: "POST",
      path: "/orders",
      headers,
    };
    const client = httpRequest(options).on("error", () => {});
    client.end("body");
    await began.opened;
    client.destroy();
    await hungUp.opened;
    const retry = await fetch(`http://127.0.0.1:${port}/orders`, { method: "POST", headers, body: "body" });
    expect([retry.status, retry.headers.get("idempotent-replayed")]).toEqual([201, "true"]);
    expect([executions, await db.countOrders()]).toEqual([1, 1]);
    server.close();
  });
});
