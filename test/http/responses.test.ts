import { describe, expect, it } from "vitest";
import { databases, openSqlite } from "../support/database.ts";
import { app, codeIn, place, recordsOf } from "./support.ts";

const streamOf = (...chunks: unknown[]) =>
  new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });

const bytes = (text: string) => new TextEncoder().encode(text);

async function used(): Promise<Response> {
  const response = new Response("x");
  await response.text();
  return response;
}

function locked(): Response {
  const response = new Response("x");
  response.body?.getReader();
  return response;
}

describe.each(databases)("a response that cannot be stored, on $name", ({ open }) => {
  it.each<[string, () => unknown]>([
    ["nothing", () => undefined],
    ["null", () => null],
    ["a plain object", () => ({ status: 200 })],
    ["a string", () => "ok"],
    ["a Response in a list", () => [new Response()]],
    ["a network error", () => Response.error()],
    ["a response that was read before", used],
    ["a response that is being read", locked],
    ["a body of more bytes than resultBytesMax", () => new Response("x".repeat(2_001))],
    [
      "a stream of more bytes than resultBytesMax",
      () => new Response(streamOf(bytes("x".repeat(1_500)), bytes("x".repeat(1_500)))),
    ],
    ["bytes that are too many in base64", () => new Response(new Uint8Array(1_900).fill(255))],
  ])("rolls back with 500: %s", async (_, respond) => {
    await using db = await open();
    const problems: unknown[] = [];
    const { send } = app(
      db.prisma,
      async (...call) => {
        await place(...call);
        return (await respond()) as Response;
      },
      { resultBytesMax: 2_000, onProblem: ({ code }) => problems.push(code) },
    );
    expect(codeIn(await send())).toEqual([500, "RESULT_UNSTORABLE"]);
    expect(problems).toEqual(["RESULT_UNSTORABLE"]);
    expect([await db.countOrders(), await recordsOf(db)]).toEqual([0, []]);
  });

  it("is rolled back when its stream fails, with the stream's own error", async () => {
    await using db = await open();
    const error = new Error("upstream");
    const { send } = app(db.prisma, async (...call) => {
      await place(...call);
      return new Response(new ReadableStream({ pull: () => Promise.reject(error) }));
    });
    await expect(send()).rejects.toBe(error);
    expect(await db.countOrders()).toBe(0);
  });

  it("is rolled back when its stream gives anything but bytes, as fetch would refuse it too", async () => {
    await using db = await open();
    const { send } = app(db.prisma, async (...call) => {
      await place(...call);
      return new Response(streamOf("text"));
    });
    await expect(send()).rejects.toThrow(/chunk of type string; give bytes/);
    expect(await db.countOrders()).toBe(0);
  });

  it("is rolled back when its stream does not end in time, and its stream is cancelled", async () => {
    await using db = await open();
    let cancelled = false;
    const { send } = app(
      db.prisma,
      async (...call) => {
        await place(...call);
        return new Response(new ReadableStream({ pull: () => {}, cancel: () => void (cancelled = true) }));
      },
      { transaction: { timeoutMs: 300, maxWaitMs: 2_000 } },
    );
    await expect(send()).rejects.toMatchObject({ code: "P2028" });
    expect([cancelled, await db.countOrders(), await recordsOf(db)]).toEqual([true, 0, []]);
  });
});

describe("a response of a server's own class", () => {
  const responseLike = (given: object) =>
    ({
      status: 200,
      statusText: "",
      headers: new Headers(),
      body: null,
      bodyUsed: false,
      text: () => {},
      ...given,
    }) as never;

  it("loses the body that its status cannot have", async () => {
    await using db = await openSqlite();
    const { send } = app(db.prisma, async (...call) => {
      await place(...call);
      return responseLike({ status: 204, body: new Response("x").body });
    });
    expect(await send()).toMatchObject({ status: 204, text: "", replayed: false });
    expect(await send()).toMatchObject({ status: 204, text: "", replayed: true });
  });

  it("is rolled back where Response could not stand for it in a replay", async () => {
    await using db = await openSqlite();
    const { send } = app(db.prisma, async (...call) => {
      await place(...call);
      return responseLike({ statusText: "two\nlines" });
    });
    expect(codeIn(await send())).toEqual([500, "RESULT_UNSTORABLE"]);
    expect(await db.countOrders()).toBe(0);
  });
});

describe("a response with a stream", () => {
  it("may read from the transaction, and is stored whole", async () => {
    await using db = await openSqlite();
    const { send } = app(db.prisma, async (request, context) => {
      await place(request, context);
      const body = new ReadableStream({
        async pull(controller) {
          controller.enqueue(bytes(`orders: ${await context.tx.order.count()}`));
          controller.close();
        },
      });
      return new Response(body);
    });
    expect(await send()).toMatchObject({ text: "orders: 1", replayed: false });
    expect(await send()).toMatchObject({ text: "orders: 1", replayed: true });
  });

  it("is left to the framework where no record is kept, however long it is", async () => {
    await using db = await openSqlite();
    const { send } = app(db.prisma, async () => new Response("x".repeat(5_000)), {
      requireKey: false,
      resultBytesMax: 100,
    });
    expect((await send({ key: null })).text).toHaveLength(5_000);
  });
});

it("a stored response that was tampered with is 500, and executes nothing", async () => {
  await using db = await openSqlite();
  const { send } = app(db.prisma, place);
  await send();
  await db.query("UPDATE idempotency_record SET response = 'devalue:{'");
  expect(codeIn(await send())).toEqual([500, "RESULT_UNREADABLE"]);
  expect(await db.countOrders()).toBe(1);
});

it("a table that is not there is 500 without Retry-After, and the cause goes to the log alone", async () => {
  await using db = await openSqlite();
  await db.query("DROP TABLE idempotency_record");
  const causes: unknown[] = [];
  const { send } = app(db.prisma, place, { onProblem: ({ cause }) => causes.push(cause) });
  const answer = await send();
  expect(codeIn(answer)).toEqual([500, "STORE_MISCONFIGURED"]);
  expect(answer.headers.get("retry-after")).toBeNull();
  expect(causes).toEqual([expect.any(Error)]);
});
