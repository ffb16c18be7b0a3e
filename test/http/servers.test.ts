/** What the examples do not show: bodies that a framework has parsed before, and a client that hangs up half-way. */
import { once } from "node:events";
import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { createServerAdapter } from "@whatwg-node/server";
import express from "express";
import Fastify from "fastify";
import { type Context, Hono } from "hono";
import { validator } from "hono/validator";
import { describe, expect, it } from "vitest";
import { withIdempotency } from "../../src/http/index.ts";
import { createIdempotency } from "../../src/index.ts";
import type { TestClient } from "../support/clients.ts";
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

  describe.each(["transaction", "lease"] as const)("in mode %s, a body that was read before", (mode) => {
    const FORM = "multipart/form-data; boundary=x";
    const part = (name: string, value: string, more = "") =>
      `--x\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
    const URLENCODED = "application/x-www-form-urlencoded";
    const JSON_TYPE = "application/json";
    type Read = (request: Request) => Promise<unknown>;
    const text: Read = (request) => request.text();
    const json: Read = (request) => request.json();
    const bytes: Read = async (request) => [...new Uint8Array(await request.arrayBuffer())];
    const form: Read = async (request) =>
      Promise.all(
        [...(await request.formData())].map(async ([name, value]) => [
          name,
          typeof value === "string" ? value : [value.name, await value.text()],
        ]),
      );

    /** The handler tells what it has read, or what it has read of it failed with. */
    const wrapped = (prisma: TestClient, readBody: Read) => {
      const handler = async (request: Request) => {
        try {
          return Response.json({ got: await readBody(request) });
        } catch (error) {
          return Response.json({ failed: (error as Error).name }, { status: 400 });
        }
      };
      const common = {
        idempotency: createIdempotency({ prisma }),
        scope: "global",
        operation: "POST /orders",
        requireKey: false,
      } as const;
      return mode === "lease"
        ? withIdempotency({ ...common, mode }, handler)
        : withIdempotency(common, handler);
    };

    type Before = (c: Context) => Promise<unknown>;
    const readings: Record<string, Before> = {
      "c.req.text()": (c) => c.req.text(),
      "c.req.json()": (c) => c.req.json().catch(() => undefined),
      "c.req.arrayBuffer()": (c) => c.req.arrayBuffer(),
      "c.req.blob()": (c) => c.req.blob(),
      "c.req.parseBody()": (c) => c.req.parseBody(),
      "c.req.formData()": (c) => c.req.formData(),
    };
    const fields = [
      ["a", "1"],
      ["a", "2"],
      ["b", "3 4"],
    ];
    const file = part("f", "content", '; filename="n.txt"');
    const bodies: [what: string, type: string, body: string | Uint8Array, Read, unknown, other: string][] = [
      ["JSON", JSON_TYPE, '{"a":1}', json, { got: { a: 1 } }, '{"a":2}'],
      ["malformed JSON", JSON_TYPE, '{"a":', text, { got: '{"a":' }, '{"b":'],
      ["malformed JSON, parsed", JSON_TYPE, '{"a":', json, { failed: "SyntaxError" }, '{"b":'],
      ["a urlencoded form", URLENCODED, "a=1&a=2&b=3+4", form, { got: fields }, "a=1"],
      ["the text of a urlencoded form", URLENCODED, "a=1&a=2&b=3+4", text, { got: "a=1&a=2&b=3+4" }, "a=1"],
      [
        "a multipart form",
        FORM,
        `${part("a", "1")}${file}--x--\r\n`,
        form,
        {
          got: [
            ["a", "1"],
            ["f", ["n.txt", "content"]],
          ],
        },
        `${part("a", "1")}--x--\r\n`,
      ],
      ["text", "text/plain", "häl", text, { got: "häl" }, "lo"],
      ["bytes", "application/octet-stream", Uint8Array.of(1, 2, 200), bytes, { got: [1, 2, 200] }, "lo"],
      ["no body", "text/plain", "", text, { got: "" }, "lo"],
    ];
    const fits = (reading: string, what: string) => {
      if (what === "bytes") return /arrayBuffer|blob/.test(reading);
      if (/formData/.test(reading)) return / form/.test(what);
      return !/json/.test(reading) || /JSON/.test(what);
    };

    const sender = (port: number) => async (key: string | null, type: string, body: BodyInit) => {
      const headers = { "content-type": type, ...(key === null ? {} : { "idempotency-key": key }) };
      const url = `http://127.0.0.1:${port}/orders`;
      const { status, text: got, replayed } = await read(await fetch(url, { method: "POST", headers, body }));
      return [status, status === 422 ? "" : JSON.parse(got), ...(replayed ? ["again"] : [])];
    };

    it.each(
      Object.keys(readings).flatMap((reading) =>
        bodies.filter(([what]) => fits(reading, what)).map((body) => [reading, ...body] as const),
      ),
    )(
      "by %s of Hono, is there for the handler: %s",
      async (reading, _what, type, body, readBody, expected, other) => {
        await using db = await open();
        const handle = wrapped(db.prisma, readBody);
        let isRead = true;
        const hono = new Hono().post("/orders", async (c) => {
          if (isRead) await readings[reading]?.(c);
          return handle(c.req.raw, c as never);
        });
        const server = serve({ fetch: hono.fetch, port: 0, hostname: "127.0.0.1" }) as Server;
        const send = sender(await portOf(server));
        const status = Object.hasOwn(expected as object, "failed") ? 400 : 200;
        expect(await send("k1", type, body as BodyInit)).toEqual([status, expected]);
        expect(await send("k1", type, other)).toEqual([422, ""]);
        expect(await send(null, type, body as BodyInit)).toEqual([status, expected]);
        // Nor does it matter to a retry whether something has read it.
        isRead = false;
        expect(await send("k1", type, body as BodyInit)).toEqual([status, expected, "again"]);
        server.close();
      },
    );

    it.each([
      ["urlencoded", "form", URLENCODED, "a=1&b=2", form],
      ["multipart", "form", FORM, `${part("a", "1")}${part("b", "2")}--x--\r\n`, form],
    ] as const)(
      "by a validator of Hono, is there for the handler: %s",
      async (_what, target, type, body, readBody) => {
        await using db = await open();
        const handle = wrapped(db.prisma, readBody);
        const valid = validator(target, (value) => value);
        const hono = new Hono().post("/orders", valid, (c) => handle(c.req.raw, c as never));
        const server = serve({ fetch: hono.fetch, port: 0, hostname: "127.0.0.1" }) as Server;
        const send = sender(await portOf(server));
        const got = {
          got: [
            ["a", "1"],
            ["b", "2"],
          ],
        };
        expect(await send("k1", type, body)).toEqual([200, got]);
        expect(await send("k1", type, body)).toEqual([200, got, "again"]);
        server.close();
      },
    );

    it("by Hono, which could not read it either, is refused", async () => {
      await using db = await open();
      const handle = wrapped(db.prisma, text);
      const hono = new Hono().post("/orders", async (c) => {
        await c.req.formData().catch(() => undefined);
        return handle(c.req.raw, c as never);
      });
      const server = serve({ fetch: hono.fetch, port: 0, hostname: "127.0.0.1" }) as Server;
      const send = sender(await portOf(server));
      expect(await send("k1", FORM, "no form")).toMatchObject([400, { code: "BODY_INVALID" }]);
      server.close();
    });

    it.each([
      ["json", JSON_TYPE, '{"a":1}', json, { a: 1 }],
      ["urlencoded", URLENCODED, "a=1&a=2", json, { a: ["1", "2"] }],
      ["text", "text/plain", "hello", text, "hello"],
      ["raw", "application/octet-stream", Uint8Array.of(1, 200), bytes, [1, 200]],
    ] as const)("by express.%s, is there for the handler", async (parser, type, body, readBody, expected) => {
      await using db = await open();
      const handle = wrapped(db.prisma, readBody);
      const adapter = createServerAdapter((request: Request, arg) => handle(request, arg as never));
      const parse = parser === "urlencoded" ? express.urlencoded({ extended: true }) : express[parser]();
      const server = express().use(parse).post("/orders", adapter).listen(0, "127.0.0.1");
      const send = sender(await portOf(server));
      expect(await send("k1", type, body as BodyInit)).toEqual([200, { got: expected }]);
      expect(await send("k1", type, body as BodyInit)).toEqual([200, { got: expected }, "again"]);
      expect(await send(null, type, body as BodyInit)).toEqual([200, { got: expected }]);
      server.close();
    });

    it("by Express, which makes an object of nothing, is nothing for the handler, unless it was sent", async () => {
      await using db = await open();
      const handle = wrapped(db.prisma, text);
      const adapter = createServerAdapter((request: Request, arg) => handle(request, arg as never));
      const server = express()
        .use(express.json(), (req, _res, next) => {
          req.body ??= {};
          next();
        })
        .post("/orders", adapter)
        .listen(0, "127.0.0.1");
      const send = sender(await portOf(server));
      for (const [key, type] of Object.entries({ k1: JSON_TYPE, k2: "text/plain" })) {
        expect(await send(key, type, "")).toEqual([200, { got: "" }]);
        expect(await send(key, type, "")).toEqual([200, { got: "" }, "again"]);
        expect(await send(null, type, "")).toEqual([200, { got: "" }]);
      }
      expect(await send("k3", JSON_TYPE, "{}")).toEqual([200, { got: "{}" }]);
      expect(await send("k3", JSON_TYPE, "")).toEqual([422, ""]);
      server.close();
    });

    it.each([
      ["JSON", JSON_TYPE, '{"a":1}', json, { a: 1 }],
      ["a text in JSON", JSON_TYPE, '"5"', json, "5"],
      ["an empty text in JSON", JSON_TYPE, '""', json, ""],
      ["null in JSON", JSON_TYPE, "null", json, null],
      ["false in JSON", JSON_TYPE, "false", json, false],
      ["text", "text/plain", "hello", text, "hello"],
      ["no text", "text/plain", "", text, ""],
      [
        "a urlencoded form",
        URLENCODED,
        "a=1&a=2&b%5Bc%5D=3",
        form,
        [
          ["a", "1"],
          ["a", "2"],
          ["b[c]", "3"],
        ],
      ],
      ["raw JSON", "application/vnd.raw+json", ' {"a":1}', text, ' {"a":1}'],
      ["raw text", "application/x-raw", "12", text, "12"],
    ] as const)("by Fastify, is there for the handler: %s", async (_what, type, body, readBody, expected) => {
      await using db = await open();
      const handle = wrapped(db.prisma, readBody);
      const fastify = Fastify();
      fastify.addContentTypeParser(URLENCODED, { parseAs: "string" }, (_req, given, done) => {
        const { a, b } = { a: new URLSearchParams(String(given)).getAll("a"), b: { c: "3" } };
        done(null, { a, b });
      });
      fastify.addContentTypeParser("application/vnd.raw+json", { parseAs: "buffer" }, (_req, given, done) =>
        done(null, given),
      );
      fastify.addContentTypeParser("application/x-raw", { parseAs: "string" }, (_req, given, done) =>
        done(null, given),
      );
      fastify.post("/orders", async (req, reply) => {
        const { url, method } = req;
        const headers = req.headers as Record<string, string>;
        const answer = await handle(new Request(`http://test${url}`, { method, headers }), { req } as never);
        return reply
          .status(answer.status)
          .headers(Object.fromEntries(answer.headers))
          .send(await answer.text());
      });
      await fastify.listen({ port: 0, host: "127.0.0.1" });
      const send = sender(await portOf(fastify.server));
      expect(await send("k1", type, body)).toEqual([200, { got: expected }]);
      expect(await send("k1", type, body)).toEqual([200, { got: expected }, "again"]);
      expect(await send(null, type, body)).toEqual([200, { got: expected }]);
      await fastify.close();
    });
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
