/** What the examples do not show: bodies that a framework has parsed before, and a client that hangs up half-way. */
import { once } from "node:events";
import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createServerAdapter } from "@whatwg-node/server";
import express from "express";
import { describe, expect, it } from "vitest";
import { databases } from "../support/database.ts";
import { gate } from "../support/gate.ts";
import { app, place, read } from "./support.ts";

async function portOf(server: Server): Promise<number> {
  if (!server.listening) await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

describe.each(databases)("servers, on $name", ({ open }) => {
  it("takes a body that Express has parsed before", async () => {
    await using db = await open();
    const { handle } = app(db.prisma, async (request) => Response.json(await request.json()));
    const server = express()
      .use(express.json())
      .post("/orders", createServerAdapter(handle as (request: Request) => Promise<Response>))
      .listen(0, "127.0.0.1");
    const url = `http://127.0.0.1:${await portOf(server)}/orders`;
    const post = async (body: string) => {
      const headers = { "idempotency-key": "k1", "content-type": "application/json" };
      return read(await fetch(url, { method: "POST", headers, body }));
    };
    expect(await post('{"a":1,"b":2}')).toMatchObject({
      status: 200,
      text: '{"a":1,"b":2}',
      replayed: false,
    });
    expect(await post('{"b":2,"a":1}')).toMatchObject({ status: 200, text: '{"a":1,"b":2}', replayed: true });
    expect((await post('{"a":1}')).status).toBe(422);
    // Nothing of such a body reaches the handler: better no answer than one to another question.
    expect((await post("{}")).status).toBe(500);
    server.close();
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
