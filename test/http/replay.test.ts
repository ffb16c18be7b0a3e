import { describe, expect, it } from "vitest";
import { databases } from "../support/database.ts";
import { gate } from "../support/gate.ts";
import { app, codeIn, order, place, problemIn, read, recordsOf, requestOf } from "./support.ts";

describe.each(databases)("a handler behind withIdempotency, on $name", ({ open }) => {
  it("executes once, and answers a retry with the stored response", async () => {
    await using db = await open();
    const { send } = app(db.prisma, place);
    const first = await send({ body: "{}", headers: { "content-type": "application/json" } });
    const retry = await send({ body: "{ }", headers: { "content-type": "application/json" } });
    expect([first.status, first.replayed, retry.status, retry.replayed]).toEqual([201, false, 201, true]);
    expect(retry.text).toBe(first.text);
    expect(retry.headers.get("location")).toBe(first.headers.get("location"));
    expect(retry.headers.get("content-type")).toBe("application/json");
    expect(await db.countOrders()).toBe(1);
    expect(await recordsOf(db)).toEqual([
      { operation: "POST /orders", scope: "ada", key: "k1", status: "completed" },
    ]);
  });

  it("stores what describes the body, and neither cookies nor what belongs to the connection", async () => {
    await using db = await open();
    const own = [
      ["content-type", "text/plain; charset=iso-8859-1"],
      ["content-language", "de"],
      ["content-disposition", "attachment"],
      ["etag", '"7"'],
      ["last-modified", "Mon, 23 Nov 2026 00:00:00 GMT"],
      ["x-request-cost", "3"],
      ["x-other", "4"],
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
      ["date", "Mon, 23 Nov 2026 00:00:00 GMT"],
      ["connection", "close"],
    ] as [string, string][];
    const { send } = app(db.prisma, async () => new Response("é", { headers: own }), {
      storedHeaders: ["X-Request-Cost"],
    });
    const first = await send();
    const retry = await send();
    expect([...first.headers]).toEqual([...new Headers([...own, ["idempotency-outcome", "stored"]])]);
    expect(first.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect([...retry.headers]).toEqual([
      ...new Headers([
        ...own.slice(0, 6),
        ["idempotency-outcome", "stored"],
        ["idempotent-replayed", "true"],
      ] as [string, string][]),
    ]);
    expect(retry.text).toBe(first.text);
  });

  it.each([
    ["binary", new Uint8Array([0, 255, 128, 10, 13, 0]), 200],
    ["text with NUL, a byte order mark and an emoji", "\ufeffa\0b😀", 200],
    ["empty", "", 200],
    ["none, 204", null, 204],
    ["none, 304", null, 304],
    ["none, 205", null, 205],
    ["an unusual status", "teapot", 299],
  ])("replays a body byte by byte: %s", async (_, body, status) => {
    await using db = await open();
    const { handle } = app(db.prisma, async () => new Response(body, { status, statusText: "So So" }));
    const [first, retry] = [await handle(requestOf()), await handle(requestOf())];
    expect([first.status, first.statusText]).toEqual([status, "So So"]);
    expect([retry.status, retry.statusText]).toEqual([status, "So So"]);
    expect(retry.headers.get("idempotent-replayed")).toBe("true");
    expect(retry.headers.get("content-type")).toBe(first.headers.get("content-type"));
    expect(retry.body === null).toBe(body === null);
    const bytes = new Uint8Array(await retry.arrayBuffer());
    expect(bytes).toEqual(new Uint8Array(await first.arrayBuffer()));
    expect(bytes).toEqual(new Uint8Array(await new Response(body).arrayBuffer()));
  });

  it("replays a redirect", async () => {
    await using db = await open();
    const { send } = app(db.prisma, async (request, context) => {
      await place(request, context);
      return Response.redirect("http://test/done", 303);
    });
    for (const replayed of [false, true]) {
      const answer = await send();
      expect([answer.status, answer.headers.get("location"), answer.replayed]).toEqual([
        303,
        "http://test/done",
        replayed,
      ]);
    }
    expect(await db.countOrders()).toBe(1);
  });

  it("gives concurrent duplicates the response of the one that executes", async () => {
    await using db = await open();
    const began = gate();
    const mayEnd = gate();
    let executions = 0;
    const { send } = app(db.prisma, async (request, context) => {
      executions += 1;
      began.open();
      await mayEnd.opened;
      return place(request, context);
    });
    const all = Array.from({ length: 20 }, () => send());
    await began.opened;
    mayEnd.open();
    const answers = await Promise.all(all);
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect([executions, await db.countOrders()]).toEqual([1, 1]);
  });

  it("refuses a duplicate of a request under way with 409 and Retry-After, when told not to wait", async () => {
    await using db = await open();
    const began = gate();
    const mayEnd = gate();
    const { send } = app(
      db.prisma,
      async (request, context) => {
        began.open();
        await mayEnd.opened;
        return place(request, context);
      },
      { onDuplicate: "reject" },
    );
    const first = send();
    await began.opened;
    const duplicate = await send();
    mayEnd.open();
    expect(codeIn(duplicate)).toEqual([409, "IN_PROGRESS"]);
    expect(duplicate.headers.get("retry-after")).toBe("1");
    expect(problemIn(duplicate)["type"]).toBe("urn:onceonly:problem:in-progress");
    expect((await first).status).toBe(201);
    expect((await send()).replayed).toBe(true);
  });

  it("keeps the keys of two scopes, two paths and two methods apart", async () => {
    await using db = await open();
    const { send } = app(db.prisma, place, { methods: ["POST", "PUT", "DELETE"] });
    await send();
    await send({ headers: { "x-user": "bob" } });
    await send({ path: "/other" });
    await send({ method: "PUT" });
    await send({ method: "DELETE" });
    expect(await db.countOrders()).toBe(5);
    expect((await send({ method: "DELETE" })).replayed).toBe(true);
    expect(await db.countOrders()).toBe(5);
  });

  it("gives the handler key, attempt, derived keys and a callback for after the commit", async () => {
    await using db = await open();
    const seen: unknown[] = [];
    const { send } = app(db.prisma, async (_, { key, attempt, deriveKey, afterCommit, tx }) => {
      afterCommit(async () => seen.push(await db.countOrders()));
      await tx.order.create({ data: order });
      seen.push(key, attempt, deriveKey("a") === deriveKey("a"));
      return new Response();
    });
    await send();
    await send();
    expect(seen).toEqual(["k1", 1, true, 1]);
  });

  it("works on to its end when the client has gone, so that the retry finds the answer", async () => {
    await using db = await open();
    const client = new AbortController();
    const began = gate();
    const mayEnd = gate();
    const { handle, send } = app(db.prisma, async (request, context) => {
      began.open();
      await mayEnd.opened;
      return place(request, context);
    });
    const first = handle(new Request(requestOf({ body: "x" }), { signal: client.signal }));
    await began.opened;
    client.abort();
    mayEnd.open();
    expect((await read(await first)).status).toBe(201);
    expect(await send({ body: "x" })).toMatchObject({ status: 201, replayed: true });
    expect(await db.countOrders()).toBe(1);
  });
});
