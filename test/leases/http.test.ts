import { setTimeout as pause } from "node:timers/promises";
import { Hono } from "hono";
import { validator } from "hono/validator";
import { describe, expect, it } from "vitest";
import {
  type CreateArg,
  type HttpLeaseHandler,
  type HttpLeaseOptions,
  httpCompleter,
  withIdempotency,
} from "../../src/http/index.ts";
import { type AbandonedRun, createIdempotency, devalueCodec, type RunOptions } from "../../src/index.ts";
import { codeIn, order, read, requestOf, type Sent, type Transaction } from "../http/support.ts";
import type { TestClient } from "../support/clients.ts";
import { databases, openSqlite, type TestDatabase } from "../support/database.ts";
import { lapse, recordOf, stepsOf } from "./helpers.ts";

type Handler = HttpLeaseHandler<Transaction, unknown>;
type Options = Partial<HttpLeaseOptions<Transaction>>;

const leasing = (prisma: TestClient, options: RunOptions = {}) =>
  createIdempotency({ prisma, storeInput: true, ...options });

/** A leased handler behind `withIdempotency`, and a completer of it. */
function app(prisma: TestClient, handler: Handler, options: Options = {}) {
  const idempotency = leasing(prisma);
  const handle = withIdempotency(
    { idempotency, mode: "lease", operation: "POST /orders", scope: "global", ...options },
    handler,
  );
  const errors: string[] = [];
  const givenUp: AbandonedRun[] = [];
  const completerOf = (createArg?: CreateArg<unknown>, attemptsMax = 10) =>
    httpCompleter({
      idempotency,
      handlers: [handle],
      attemptsMax,
      onError: (error) => errors.push((error as Error).message),
      onGiveUp: (run) => givenUp.push(run),
      ...(createArg && { createArg }),
    });
  return {
    handle,
    errors,
    givenUp,
    send: async (sent: Sent = {}) => read(await handle(requestOf(sent))),
    /** Has the completer do what there is. */
    complete: async (db: TestDatabase, ...given: Parameters<typeof completerOf>) => {
      await lapse(db);
      return completerOf(...given).runOnce();
    },
  };
}

/** Charges, then answers as `answers` says, one answer for each attempt; in the end it writes an order. */
function charging(answers: (() => Response)[] = []) {
  const charges: string[] = [];
  const handler: Handler = async (_, { step, transaction }) => {
    const charge = await step("charge", ({ key }) => `ch_${charges.push(key)}`);
    const answer = answers.shift();
    if (answer) return answer();
    const { id } = await transaction("order", ({ tx }) => tx.order.create({ data: order }));
    return Response.json({ charge, id }, { status: 201, headers: { location: `/orders/${id}` } });
  };
  return { charges, handler };
}

const down = (): Response => {
  throw new Error("the carrier is down");
};
const answering = (status: number) => () => Response.json({ status }, { status });

describe.each(databases)("mode lease over HTTP on $name", ({ open }) => {
  it.each([{ key: '"k1"' }, { key: null }])(
    "the request of a framework's own class tells what is gone, with key $key",
    async (sent) => {
      await using db = await open();
      class FrameworkRequest extends Request {
        readonly user = "ada";
        get nextUrl() {
          return new URL(this.url);
        }
      }
      const uses = {
        nextUrl: (request: FrameworkRequest) => request.nextUrl.pathname,
        user: (request: FrameworkRequest) => request.user,
      };
      for (const [name, use] of Object.entries(uses)) {
        const { handle } = app(db.prisma, (request) => new Response(use(request as FrameworkRequest)), {
          requireKey: false,
        });
        await expect(handle(new FrameworkRequest(requestOf(sent)))).rejects.toThrow(
          `onceonly: the request of a handler in mode lease has no ${name}, as a completer could not give it again`,
        );
      }
      const { handle } = app(db.prisma, (request) => new Response(`${request.url} ${request.method}`), {
        requireKey: false,
      });
      const answer = await handle(new FrameworkRequest(requestOf(sent)));
      expect(await answer.text()).toBe("http://test/orders POST");
    },
  );

  it("a response whose body does not end in time is refused and cancelled, and its key is free", async () => {
    await using db = await open();
    const bodies = [
      // One chunk after another, or none at all: neither ends.
      () =>
        new ReadableStream({ pull: (out) => pause(20).then(() => out.enqueue(Uint8Array.of(32))), cancel }),
      () => new ReadableStream({ pull: () => {}, cancel }),
      () => new Response("done").body,
    ];
    let cancelled = 0;
    const cancel = () => void (cancelled += 1);
    const { send } = app(db.prisma, () => new Response(bodies.shift()?.()), {
      transaction: { timeoutMs: 300 },
    });
    for (const count of [1, 2]) {
      const refused = await send();
      expect(codeIn(refused)).toEqual([500, "RESULT_UNSTORABLE"]);
      expect(refused.text).toContain("did not end within 300 ms (transaction.timeoutMs)");
      expect(cancelled).toBe(count);
    }
    expect(await send()).toMatchObject({ status: 200, text: "done", replayed: false });
    expect(await send()).toMatchObject({ status: 200, text: "done", replayed: true });
  });

  it("executes once, and replays the response", async () => {
    await using db = await open();
    const { charges, handler } = charging();
    const { send } = app(db.prisma, handler);
    const [first, second] = [await send(), await send()];
    expect(first).toMatchObject({ status: 201, replayed: false });
    expect(second).toMatchObject({ status: 201, replayed: true, text: first.text });
    expect(second.headers.get("location")).toBe(first.headers.get("location"));
    expect([first, second].map(({ headers }) => headers.get("idempotency-outcome"))).toEqual([
      "stored",
      "stored",
    ]);
    expect([charges.length, await db.countOrders()]).toEqual([1, 1]);
  });

  it("is finished by a retry after the handler threw, without a second charge", async () => {
    await using db = await open();
    const { charges, handler } = charging([down]);
    const { handle, send } = app(db.prisma, handler);
    await expect(handle(requestOf())).rejects.toThrow("the carrier is down");
    expect(await send()).toMatchObject({ status: 201, replayed: false });
    expect([charges.length, await db.countOrders()]).toEqual([1, 1]);
    expect(await recordOf(db, "k1")).toMatchObject({ attempt: 2, status: "completed" });
  });

  it("judges responses by their outcome, and keeps what steps did in any case", async () => {
    await using db = await open();
    const { charges, handler } = charging([answering(503), answering(422)]);
    const { send } = app(db.prisma, handler);
    const answers = [await send(), await send(), await send()];
    expect(
      answers.map(({ status, replayed, headers }) => [status, headers.get("idempotency-outcome"), replayed]),
    ).toEqual([
      [503, "released", false],
      [422, "stored", false],
      [422, "stored", true],
    ]);
    expect([charges.length, await stepsOf(db)]).toEqual([1, ["charge"]]);
  });

  it("refuses the key of another request, also before a completer has finished that", async () => {
    await using db = await open();
    const { handler } = charging([down]);
    const { handle, send, complete } = app(db.prisma, handler);
    await expect(handle(requestOf({ body: "a" }))).rejects.toThrow();
    expect(codeIn(await send({ body: "b" }))).toEqual([422, "KEY_REUSED"]);
    await complete(db);
    expect(codeIn(await send({ body: "b" }))).toEqual([422, "KEY_REUSED"]);
    expect(await send({ body: "a" })).toMatchObject({ status: 201, replayed: true });
  });

  it("runs steps unrecorded for a request without a key, where none is required", async () => {
    await using db = await open();
    const { charges, handler } = charging([answering(422)]);
    const { send } = app(db.prisma, handler, { requireKey: false });
    const [refused, made] = [await send({ key: null }), await send({ key: null })];
    expect(
      [refused, made].map(({ status, headers }) => [status, headers.get("idempotency-outcome")]),
    ).toEqual([
      [422, null],
      [201, null],
    ]);
    expect([charges.length, await db.countOrders(), await stepsOf(db)]).toEqual([2, 1, []]);
    const required = app(db.prisma, handler);
    expect(codeIn(await required.send({ key: null }))).toEqual([400, "KEY_MISSING"]);
  });
});

describe.each(databases)("httpCompleter on $name", ({ open }) => {
  it("calls the handler with the stored request and an argument of its own, and asks nothing else", async () => {
    await using db = await open();
    const asked: string[] = [];
    const ask = <T>(name: string, answer: T) => {
      asked.push(name);
      return answer;
    };
    const seen: unknown[] = [];
    let isDown = true;
    const { handle, send, complete, errors } = app(
      db.prisma,
      async (request, { key, attempt }, user) => {
        const { method, url } = request;
        seen.push({
          method,
          url,
          headers: [...request.headers],
          body: await request.json(),
          key,
          attempt,
          user,
        });
        return isDown ? down() : Response.json({ paid: true });
      },
      {
        scope: () => ask("scope", "bob"),
        key: () => ask("key", undefined),
        input: () => ask("input", "i"),
        requireKey: () => ask("requireKey", true),
        requestHeaders: ["X-Api-Version"],
      },
    );
    const sent = {
      path: "/orders?urgent=1",
      body: '{"item":"lamp"}',
      headers: { "content-type": "application/json", "x-api-version": "2", authorization: "Bearer s3cret" },
    };
    await expect(handle(requestOf(sent), "bob, live")).rejects.toThrow();
    isDown = false;
    asked.length = 0;
    expect(await complete(db, ({ scope }, request) => `${scope}, ${new URL(request.url).pathname}`)).toBe(1);
    expect([errors, asked]).toEqual([[], []]);
    const both = {
      method: "POST",
      url: "http://test/orders?urgent=1",
      headers: [
        ["content-type", "application/json"],
        ["x-api-version", "2"],
      ],
      body: { item: "lamp" },
      key: "k1",
    };
    expect(seen).toEqual([
      { ...both, attempt: 1, user: "bob, live" },
      { ...both, attempt: 2, user: "bob, /orders" },
    ]);
    expect(String((await recordOf(db, "k1"))["input"])).not.toContain("s3cret");
    expect(await send(sent)).toMatchObject({ status: 200, text: '{"paid":true}', replayed: true });
    expect(seen).toHaveLength(2);
  });

  it("tries again after a response that releases the key, and says which", async () => {
    await using db = await open();
    const { charges, handler } = charging([answering(503), answering(503)]);
    const { send, complete, errors } = app(db.prisma, handler);
    await send();
    expect([await complete(db), errors]).toEqual([1, ["The handler answered 503, which releases the key"]]);
    expect([await complete(db), errors.length, charges.length]).toEqual([1, 1, 1]);
    expect(await send()).toMatchObject({ status: 201, replayed: true });
  });

  it("stores a refusal as the answer", async () => {
    await using db = await open();
    const { handler } = charging([down, answering(402)]);
    const { handle, send, complete, errors } = app(db.prisma, handler);
    await expect(handle(requestOf())).rejects.toThrow();
    expect([await complete(db), errors]).toEqual([1, []]);
    expect(await send()).toMatchObject({ status: 402, text: '{"status":402}', replayed: true });
  });

  it("gives up in the end, with a problem that every retry gets", async () => {
    await using db = await open();
    const { handler } = charging([down]);
    const { handle, send, complete, givenUp } = app(db.prisma, handler);
    await expect(handle(requestOf())).rejects.toThrow();
    expect(await complete(db, undefined, 1)).toBe(1);
    expect(givenUp).toMatchObject([{ operation: "POST /orders", key: "k1" }]);
    const answer = await send();
    expect(codeIn(answer)).toEqual([500, "ATTEMPTS_EXHAUSTED"]);
    expect([answer.headers.get("idempotency-outcome"), answer.replayed]).toEqual(["stored", true]);
  });

  it("reads the request of a handler that stores its responses by a codec of its own", async () => {
    await using db = await open();
    const { handler } = charging([down]);
    const codec = { ...devalueCodec, name: "other" };
    const { handle, send, complete, errors } = app(db.prisma, handler, { codec });
    await expect(handle(requestOf({ body: "a" }))).rejects.toThrow();
    expect([await complete(db), errors]).toEqual([1, []]);
    expect(await send({ body: "a" })).toMatchObject({ status: 201, replayed: true });
  });

  it("leaves to the client's retries what keeps no input", async () => {
    await using db = await open();
    const { handler } = charging([down]);
    const { handle, send, complete } = app(db.prisma, handler, { storeInput: false });
    await expect(handle(requestOf({ body: "secret" }))).rejects.toThrow();
    expect((await recordOf(db, "k1"))["input"]).toBeNull();
    expect(await complete(db)).toBe(0);
    expect((await send({ body: "secret" })).status).toBe(201);
  });

  it("a run whose createArg fails is left for later, with that error first", async () => {
    await using db = await open();
    const { charges, handler } = charging([down]);
    const { handle, complete, errors } = app(db.prisma, handler);
    await expect(handle(requestOf())).rejects.toThrow("carrier");
    const noUser = () => Promise.reject(new Error("no such user."));
    expect(await complete(db, noUser)).toBe(1);
    expect(errors).toEqual([
      "onceonly: POST /orders was not resumed: option createArg failed: no such user (no leased run of its key, scope and " +
        "operation was begun).",
    ]);
    expect(await complete(db)).toBe(1);
    expect([charges.length, await db.countOrders()]).toEqual([1, 1]);
  });

  it("does not take for a request what another has stored under the name of its operation", async () => {
    await using db = await open();
    const { handler } = charging();
    const { complete, errors } = app(db.prisma, handler);
    const other = { operation: "POST /orders", scope: "global", key: "k", input: { amount: 5 } };
    await expect(leasing(db.prisma).runLeased(other, async () => down())).rejects.toThrow();
    expect([await complete(db), errors]).toEqual([
      1,
      [expect.stringMatching(/POST \/orders was not resumed/) as unknown],
    ]);
  });
});

/** A handler that fails the first time, and then tells what it got. */
function echo() {
  const seen: (readonly [type: string | null, bytes: string])[] = [];
  const handler: Handler = async (request) => {
    const type = request.headers.get("content-type");
    seen.push([type, Buffer.from(await request.arrayBuffer()).toString("latin1")]);
    return seen.length === 1 ? down() : Response.json(seen.length);
  };
  return { seen, handler };
}

describe("a completer's request has the body of the client's", () => {
  const form = new FormData();
  form.append("a", "b");
  it.each<[string, BodyInit | null, string | undefined]>([
    ["none", null, undefined],
    ["text", "Grüße", "text/plain"],
    ["text with a byte order mark", "\ufeffa", "text/plain"],
    ["bytes that are no text", new Uint8Array([0, 255, 10]), "application/octet-stream"],
    ["JSON", '{"a": 1}', "application/json"],
    ["fields", "a=b&a=c", "application/x-www-form-urlencoded"],
    ["a form", form, undefined],
  ])("%s", async (_, body, type) => {
    await using db = await openSqlite();
    const { seen, handler } = echo();
    const { handle, complete, errors } = app(db.prisma, handler);
    const sent = requestOf({ body, ...(type && { headers: { "content-type": type } }) });
    const bytes = Buffer.from(await sent.clone().arrayBuffer()).toString("latin1");
    await expect(handle(sent)).rejects.toThrow("down");
    expect([await complete(db), errors]).toEqual([1, []]);
    const got = [sent.headers.get("content-type"), bytes];
    expect(seen).toEqual([got, got]);
  });

  it("a form that a validator of Hono has read", async () => {
    await using db = await openSqlite();
    const fields: unknown[] = [];
    const { handle, complete, errors } = app(db.prisma, async (request) => {
      const read = await request.formData();
      const file = read.get("file") as File;
      fields.push([read.get("a"), file.name, await file.text()]);
      return fields.length === 1 ? down() : new Response();
    });
    const hono = new Hono()
      .post(
        "/orders",
        validator("form", (value) => value),
        (c) => handle(c.req.raw, c),
      )
      .onError((_, c) => c.text("failed", 500));
    const body = new FormData();
    body.append("a", "b");
    body.append("file", new File(["content"], "name.txt"));
    const answer = await hono.request(requestOf({ body }));
    expect(answer.status).toBe(500);
    expect([await complete(db), errors]).toEqual([1, []]);
    expect(fields).toEqual([
      ["b", "name.txt", "content"],
      ["b", "name.txt", "content"],
    ]);
  });
});
