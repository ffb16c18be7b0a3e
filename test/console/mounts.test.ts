/** The console where applications mount it: the samples of the guide, in short. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createServerAdapter } from "@whatwg-node/server";
import express from "express";
import { Hono } from "hono";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ConsoleHandler, createConsole } from "../../src/console/index.ts";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { type Shop, shopOf } from "./records.ts";

let db: TestDatabase;
let shop: Shop;
let handler: ConsoleHandler;
beforeAll(async () => {
  // Nothing of it depends on the database.
  db = await openSqlite();
  shop = shopOf(db);
  handler = createConsole({ idempotency: shop, authorize: () => ({ mayForget: true }) });
});
afterAll(() => db[Symbol.asyncDispose]());

type Send = (path: string, init?: RequestInit) => Promise<Response>;

/** Over a socket, by what servers give to a listener. */
async function listening(
  server: ReturnType<typeof createServer>,
): Promise<{ send: Send; close: () => unknown }> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const send: Send = (path, init = {}) => {
    const origin = `http://127.0.0.1:${port}`;
    return fetch(`${origin}${path}`, { redirect: "manual", ...init, headers: { ...init.headers, origin } });
  };
  return { send, close: () => server.close() };
}

const mounts: { name: string; open: () => Promise<{ send: Send; close: () => unknown }> }[] = [
  {
    name: "a route of Next.js",
    open: async () => {
      const routes = { GET: handler, POST: handler };
      const send: Send = (path, init) => {
        const url = `http://localhost:3000${path}`;
        const headers = { ...(init?.headers as Record<string, string>), origin: "http://localhost:3000" };
        const request = new Request(url, { ...init, headers });
        return routes[request.method as "GET"](
          request,
          ...([{ params: Promise.resolve({}) }] as unknown as []),
        );
      };
      return { send, close: () => {} };
    },
  },
  {
    name: "Hono",
    open: async () => {
      const app = new Hono().all("/onceonly/*", (c) => handler(c.req.raw));
      const send: Send = async (path, init) =>
        app.request(`http://localhost${path}`, {
          ...init,
          headers: { ...(init?.headers as Record<string, string>), origin: "http://localhost" },
        });
      return { send, close: () => {} };
    },
  },
  {
    name: "Express",
    open: async () => {
      const app = express();
      app.all("/onceonly{/*path}", createServerAdapter(handler));
      app.use(express.urlencoded());
      return listening(createServer(app));
    },
  },
  {
    name: "node:http",
    open: () => {
      const adapter = createServerAdapter(handler);
      return listening(createServer((request, response) => void adapter(request, response)));
    },
  },
];

describe.each(mounts)("mounted in $name", ({ open }) => {
  it("shows, asks and forgets", async () => {
    const { send, close } = await open();
    const name = { operation: "o", scope: "s", key: "k" };
    await shop.run(name, async () => 1);
    const { id } = await shop.inspect(name);
    for (const path of ["/onceonly", "/onceonly/", "/onceonly/?key=k"]) {
      const response = await send(path);
      const isThere = (await response.text()).includes(`/onceonly/records/${id}`);
      expect([path, response.status, isThere]).toEqual([path, 200, true]);
    }
    const asked = await send(`/onceonly/records/${id}/forget`);
    const cookie = asked.headers.get("set-cookie")?.split(";")[0] ?? "";
    const fields = Array.from(
      (await asked.text()).matchAll(/name="(\w+)" value="([^"]*)"/g),
      ([, field, value]) => [field, value],
    );
    const forgotten = await send(`/onceonly/records/${id}/forget`, {
      method: "POST",
      headers: { cookie, "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams(fields as string[][]).toString(),
    });
    expect(forgotten.status).toBe(303);
    const shown = await send(forgotten.headers.get("location") ?? "", { headers: { cookie } });
    expect(await shown.text()).toContain("<strong>Forgotten.</strong>");
    expect((await shop.inspect(name)).state).toBe("unknown");
    close();
  });
});
