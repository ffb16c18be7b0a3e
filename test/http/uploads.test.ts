import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { createServerAdapter } from "@whatwg-node/server";
import { describe, expect, test, vi } from "vitest";
import { discardRest } from "../../src/core/adapter/body.ts";
import { openSqlite } from "../support/database.ts";
import { uploadSlowly, uploadThenRead } from "../support/uploads.ts";
import { app, place } from "./support.ts";

type Handle = (request: Request) => Promise<Response>;
type Listener = NonNullable<Parameters<typeof createServer>[1]>;

const listeners: Record<string, (handle: Handle) => Listener> = {
  "@whatwg-node/server": (handle) => createServerAdapter(handle) as unknown as Listener,
  "@hono/node-server": (handle) => getRequestListener(handle),
};

const BYTES_MAX = 1_048_576;

/** Handlers that take at most 1 MiB, behind a server of Node's. */
async function listen(name: string) {
  const db = await openSqlite();
  const { handle } = app(db.prisma, place, { bodyBytesMax: BYTES_MAX });
  const server = createServer(listeners[name]?.(handle as Handle));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    orders: () => db.countOrders(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await db[Symbol.asyncDispose]();
    },
  };
}

const HEADERS = { "idempotency-key": "k" };

describe("a body longer than bodyBytesMax", () => {
  test.each([
    { announced: true, how: "says its length" },
    { announced: false, how: "sends chunks" },
  ])("is answered with 413 to a client that $how and reads the answer at the end", async ({ announced }) => {
    // Hono's server closes the connection half a second after the answer, whoever reads the body.
    await using server = await listen("@whatwg-node/server");
    const upload = { url: server.url, path: "/orders", headers: HEADERS, bytes: 8 * BYTES_MAX, announced };
    expect(await uploadThenRead(upload)).toBe(413);
    expect(await server.orders()).toBe(0);
  });

  test.each(Object.keys(listeners))("is answered with 413 before its end, over %s", async (name) => {
    await using server = await listen(name);
    const upload = { url: server.url, path: "/orders", headers: HEADERS, bytes: BYTES_MAX, announced: false };
    expect(await uploadSlowly(upload)).toBe(413);
    expect(await server.orders()).toBe(0);
  });
});

test("a refused body that does not end is given up after five seconds", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  try {
    let reason: unknown = "none";
    const stream = new ReadableStream({ cancel: (given) => void (reason = given) });
    const discarded = discardRest(stream.getReader());
    vi.advanceTimersByTime(4_999);
    expect(reason).toBe("none");
    vi.advanceTimersByTime(1);
    await discarded;
    expect(reason).toBeUndefined();
  } finally {
    vi.useRealTimers();
  }
});
