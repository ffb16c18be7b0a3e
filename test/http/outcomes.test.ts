import { describe, expect, it } from "vitest";
import { databases } from "../support/database.ts";
import { app, codeIn, place, recordsOf } from "./support.ts";

/** Writes, then answers with a status and with how often it ran. */
function counting(respond: (executions: number) => Response) {
  let executions = 0;
  return async (...call: Parameters<typeof place>) => {
    executions += 1;
    await place(...call);
    return respond(executions);
  };
}

describe.each(databases)("what a response does to its run, on $name", ({ open }) => {
  it.each([400, 402, 404, 405, 410, 413, 415, 418, 422, 451])(
    "%i undoes the handler's writes and is the answer to every duplicate",
    async (status) => {
      await using db = await open();
      const { send } = app(
        db.prisma,
        counting((n) => new Response(`refusal ${n}`, { status, headers: { "x-own": "1", etag: '"1"' } })),
      );
      const first = await send();
      const retry = await send();
      expect(first).toMatchObject({ status, text: "refusal 1", replayed: false });
      expect(retry).toMatchObject({ status, text: "refusal 1", replayed: true });
      expect([first.headers.get("x-own"), retry.headers.get("x-own")]).toEqual(["1", null]);
      expect(retry.headers.get("etag")).toBe('"1"');
      expect(await db.countOrders()).toBe(0);
      expect(await recordsOf(db)).toMatchObject([{ status: "failed" }]);
    },
  );

  it.each([401, 403, 408, 409, 412, 423, 425, 428, 429, 499, 500, 502, 503, 599])(
    "%i rolls everything back and reaches its caller; a retry executes",
    async (status) => {
      await using db = await open();
      const { send } = app(
        db.prisma,
        counting((n) => new Response(`${n}`, { status: n === 1 ? status : 201, headers: { "x-own": "1" } })),
      );
      const first = await send();
      expect(first).toMatchObject({ status, text: "1", replayed: false });
      expect(first.headers.get("x-own")).toBe("1");
      expect([await db.countOrders(), await recordsOf(db)]).toEqual([0, []]);
      expect(await send()).toMatchObject({ status: 201, text: "2", replayed: false });
      expect(await send()).toMatchObject({ status: 201, text: "2", replayed: true });
      expect(await db.countOrders()).toBe(1);
    },
  );

  it("treats a thrown response as a returned one, in the manner of Remix and of Hono", async () => {
    await using db = await open();
    for (const [key, thrown] of [
      ["r", new Response("gone", { status: 410 })],
      ["h", { getResponse: () => new Response("gone", { status: 410 }) }],
    ] as const) {
      let executions = 0;
      const { send } = app(db.prisma, async (...call) => {
        executions += 1;
        await place(...call);
        throw thrown;
      });
      expect(await send({ key })).toMatchObject({ status: 410, text: "gone", replayed: false });
      expect(await send({ key })).toMatchObject({ status: 410, text: "gone", replayed: true });
      expect([executions, await db.countOrders()]).toEqual([1, 0]);
    }
  });

  it("rolls back what a handler throws, and throws it on to the framework", async () => {
    await using db = await open();
    let executions = 0;
    const error = Object.assign(new Error("no"), { status: 404 });
    const { send } = app(db.prisma, async (...call) => {
      await place(...call);
      executions += 1;
      if (executions === 1) throw error;
      return new Response("ok");
    });
    await expect(send()).rejects.toBe(error);
    expect([await db.countOrders(), await recordsOf(db)]).toEqual([0, []]);
    expect(await send()).toMatchObject({ text: "ok", replayed: false });
  });

  it("stores the thrown errors that storeError accepts", async () => {
    await using db = await open();
    let executions = 0;
    const { send } = app(
      db.prisma,
      async (...call) => {
        executions += 1;
        await place(...call);
        throw Object.assign(new Error("empty"), { code: "STOCK" });
      },
      { storeError: (error) => (error as { code?: unknown }).code === "STOCK" },
    );
    for (let sent = 0; sent < 2; sent += 1) {
      await expect(send()).rejects.toMatchObject({ message: "empty", code: "STOCK" });
    }
    expect([executions, await db.countOrders()]).toEqual([1, 0]);
  });

  it("leaves responses to their outcome where storeError accepts every error", async () => {
    await using db = await open();
    const { send } = app(
      db.prisma,
      counting((n) => new Response(`${n}`, { status: n === 1 ? 503 : 200 })),
      { storeError: () => true },
    );
    expect(await send()).toMatchObject({ status: 503, text: "1", replayed: false });
    expect(await send()).toMatchObject({ status: 200, text: "2", replayed: false });
    expect(await send()).toMatchObject({ status: 200, text: "2", replayed: true });
  });

  it("lets option outcome decide otherwise", async () => {
    await using db = await open();
    const { send } = app(
      db.prisma,
      counting((n) => new Response(`${n}`, { status: 409 })),
      { outcome: ({ status }) => (status === 409 ? "commit" : "release") },
    );
    expect(await send()).toMatchObject({ status: 409, text: "1" });
    expect(await send()).toMatchObject({ status: 409, text: "1", replayed: true });
    expect(await db.countOrders()).toBe(1);
    const typo = app(db.prisma, place, { outcome: () => "keep" as never });
    await expect(typo.send({ key: "k2" })).rejects.toThrow(/option outcome .*"commit", "store" or "release"/);
    expect(await db.countOrders()).toBe(1);
  });

  it("releases a 4xx that is too long to be stored, and still gives it to its caller", async () => {
    await using db = await open();
    const { send } = app(
      db.prisma,
      // As text it fits, as base64 it does not.
      counting(() => new Response(new Uint8Array(3_000).fill(255), { status: 404 })),
      { resultBytesMax: 3_500 },
    );
    expect(await send()).toMatchObject({ status: 404, replayed: false });
    expect(await recordsOf(db)).toEqual([]);
  });
});

describe.each(databases)("a request that needs no key, on $name", ({ open }) => {
  it("runs in a transaction without a record", async () => {
    await using db = await open();
    const keys: unknown[] = [];
    const { send } = app(
      db.prisma,
      async (request, context) => {
        keys.push(context.key, typeof context.deriveKey("a"), context.attempt);
        return place(request, context);
      },
      { requireKey: false },
    );
    expect(await send({ key: null })).toMatchObject({ status: 201, replayed: false });
    expect(keys).toEqual([undefined, "string", 1]);
    expect([await db.countOrders(), await recordsOf(db)]).toEqual([1, []]);
  });

  it.each([404, 500])("rolls back a response of %i", async (status) => {
    await using db = await open();
    const { send } = app(
      db.prisma,
      counting(() => new Response("no", { status })),
      { requireKey: false },
    );
    expect(await send({ key: null })).toMatchObject({ status, text: "no" });
    expect(await db.countOrders()).toBe(0);
  });

  it("is told by a function", async () => {
    await using db = await open();
    const { send } = app(db.prisma, place, { requireKey: (request) => request.headers.has("x-v2") });
    expect((await send({ key: null })).status).toBe(201);
    expect(codeIn(await send({ key: null, headers: { "x-v2": "1" } }))).toEqual([400, "KEY_MISSING"]);
  });

  it("is not told by a function that answers with anything but a boolean", async () => {
    await using db = await open();
    const { send } = app(db.prisma, place, { requireKey: (() => undefined) as never });
    await expect(send({ key: null })).rejects.toThrow("a function that returns true or false");
    expect(await db.countOrders()).toBe(0);
  });
});

describe.each(databases)("a method that passes untouched, on $name", ({ open }) => {
  it.each(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])("%s: no record, whatever its key", async (method) => {
    await using db = await open();
    const { send } = app(db.prisma, async () => new Response(null, { status: 204 }));
    expect(await send({ method, key: '"broken' })).toMatchObject({ status: 204, replayed: false });
    expect(await recordsOf(db)).toEqual([]);
  });

  it("says what is wrong when its handler uses the transaction", async () => {
    await using db = await open();
    const { send } = app(db.prisma, place);
    await expect(send({ method: "PUT" })).rejects.toThrow(
      /PUT passes withIdempotency untouched.*option methods/,
    );
    const callback = app(db.prisma, async (_, { afterCommit }) => {
      afterCommit(() => undefined);
      return new Response();
    });
    await expect(callback.send({ method: "GET" })).rejects.toThrow(/GET passes withIdempotency untouched/);
    expect(await db.countOrders()).toBe(0);
  });
});
