import {
  createTRPCClient,
  httpBatchLink,
  httpBatchStreamLink,
  httpLink,
  type Operation,
  TRPCClientError,
} from "@trpc/client";
import { octetInputParser } from "@trpc/server/http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { databases, type TestDatabase } from "../support/database.ts";
import { app, idempotentOn, type Listening, listen, order, read, signal, t } from "./support.ts";

/** What `onceonly/trpc/client` will do: one list member per operation of the request. */
function headers({ op, opList = [] }: { op?: Operation; opList?: readonly Operation[] }) {
  const keys = (op === undefined ? opList : [op]).map(({ context }) => context["idempotencyKey"]);
  return { "idempotency-key": keys.map((key) => (typeof key === "string" ? `"${key}"` : "?0")).join(", ") };
}

const links = {
  httpLink: (url: string) => httpLink({ url, headers: ({ op }) => headers({ op }) }),
  httpBatchLink: (url: string) => httpBatchLink({ url, headers }),
  httpBatchStreamLink: (url: string) => httpBatchStreamLink({ url, headers }),
};

describe.each(databases)("on $name", ({ open }) => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await open();
  });
  afterAll(() => db[Symbol.asyncDispose]());

  const router = () =>
    t.router({
      place: t.procedure
        .input(z.object({ key: z.string() }))
        .use(idempotentOn(db.prisma))
        .mutation(async ({ ctx, input }) => (await ctx.tx.order.create({ data: order(input.key) })).id),
    });
  let server: Listening;
  beforeAll(async () => {
    server = await listen(router(), db.prisma);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it.each(Object.entries(links))(
    "%s gives retries of several mutations their own answers",
    async (name, link) => {
      const client = createTRPCClient<ReturnType<typeof router>>({ links: [link(server.url)] });
      const place = (key: string) => client.place.mutate({ key }, { context: { idempotencyKey: key } });
      const keys = [1, 2, 3].map((number) => `${name}-${number}`);
      const ids = await Promise.all(keys.map(place));
      expect(new Set(ids).size).toBe(3);
      expect(await Promise.all(keys.toReversed().map(place))).toEqual(ids.toReversed());
      expect(await place(keys[0] ?? "")).toBe(ids[0]);
      for (const key of keys) expect(await db.countOrders({ key })).toBe(1);
    },
  );
});

describe("Node's own server", () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await (databases[0] ?? raise()).open();
  });
  afterAll(() => db[Symbol.asyncDispose]());

  it("marks a replay, with bytes equal to the first answer", async () => {
    const place = t.procedure.use(idempotentOn(db.prisma)).mutation(() => ({ at: new Date() }));
    await using server = await listen(t.router({ place }), db.prisma);
    const send = async () =>
      read(
        await fetch(`${server.url}/place`, {
          method: "POST",
          headers: { "idempotency-key": '"node"', "content-type": "application/json" },
        }),
      );
    const first = await send();
    const replay = await send();
    expect(replay.body).toBe(first.body);
    expect([first, replay].map(({ headers }) => headers.get("idempotent-replayed"))).toEqual([null, "true"]);
  });

  it("does not fail a replay over a streaming link, which has sent its headers", async () => {
    const place = t.procedure.use(idempotentOn(db.prisma)).mutation(() => "placed");
    const router = t.router({ place });
    await using server = await listen(router, db.prisma);
    const client = createTRPCClient<typeof router>({ links: [links.httpBatchStreamLink(server.url)] });
    for (let count = 0; count < 3; count += 1) {
      expect(await client.place.mutate(undefined, { context: { idempotencyKey: "streamed" } })).toBe(
        "placed",
      );
    }
  });

  it("commits a mutation whose client went away", async () => {
    const started = signal();
    const left = signal();
    const committed = signal();
    const place = t.procedure.use(idempotentOn(db.prisma)).mutation(async ({ ctx, signal: abort }) => {
      abort?.addEventListener("abort", left.give);
      started.give();
      await left.given;
      await ctx.tx.order.create({ data: order("aborted") });
      ctx.idempotency.afterCommit(committed.give);
      return "placed";
    });
    const router = t.router({ place });
    await using server = await listen(router, db.prisma);
    const client = createTRPCClient<typeof router>({ links: [links.httpLink(server.url)] });
    const controller = new AbortController();
    const context = { idempotencyKey: "aborted" };
    const aborted = client.place
      .mutate(undefined, { context, signal: controller.signal })
      .catch((error: unknown) => error);
    await started.given;
    controller.abort();
    expect(await aborted).toBeInstanceOf(TRPCClientError);
    await committed.given;
    expect(await client.place.mutate(undefined, { context })).toBe("placed");
    expect(await db.countOrders({ key: "aborted" })).toBe(1);
  });

  it.each(["Node", "fetch"])("compares an upload by its content (%s)", async (kind) => {
    const upload = t.procedure
      .input(octetInputParser)
      .use(idempotentOn(db.prisma))
      .mutation(async ({ input }) => new Response(input as ReadableStream<Uint8Array>).text());
    const form = t.procedure
      .input(z.instanceof(FormData))
      .use(idempotentOn(db.prisma))
      .mutation(async ({ input }) => (input.get("file") as File).text());
    const router = t.router({ upload, form });
    await using server = await listen(router, db.prisma);
    const inMemory = app(router, db.prisma);
    const send = async (path: string, body: BodyInit) => {
      const octet = body instanceof FormData ? {} : { "content-type": "application/octet-stream" };
      const init = { method: "POST", body, headers: { "idempotency-key": `${kind}-${path}`, ...octet } };
      return read(
        await (kind === "Node" ? fetch : inMemory.fetch)(
          `${server.url}/${kind === "Node" ? "" : "trpc/"}${path}`,
          init,
        ),
      );
    };
    for (const [path, bodyOf] of [
      ["upload", (content: string) => content],
      ["form", formWith],
    ] as const) {
      const first = await send(path, bodyOf("same"));
      expect(first.body).toBe('{"result":{"data":"same"}}');
      expect((await send(path, bodyOf("same"))).body).toBe(first.body);
      expect((await send(path, bodyOf("diff"))).status).toBe(422);
    }
  });

  it("refuses an upload too large to be kept in memory, before the handler", async () => {
    let ran = 0;
    const upload = t.procedure
      .input(octetInputParser)
      .use(idempotentOn(db.prisma))
      .mutation(() => (ran += 1));
    const { handle } = app(t.router({ upload }), db.prisma);
    const headers = { "idempotency-key": "large", "content-type": "application/octet-stream" };
    const body = new Uint8Array(17 * 1_048_576);
    const response = await handle(new Request("http://test/trpc/upload", { method: "POST", headers, body }));
    expect([response.status, ran]).toEqual([413, 0]);
    expect(await response.text()).toContain("upload takes at most 16777216 bytes with an idempotency key");
  });

  it("compares the raw input where the middleware stands before input()", async () => {
    const place = t.procedure
      .use(idempotentOn(db.prisma))
      .input(z.number())
      .mutation(({ input }) => input);
    const stream = t.procedure
      .use(idempotentOn(db.prisma))
      .input(octetInputParser)
      .mutation(async ({ input }) => new Response(input as ReadableStream<Uint8Array>).text());
    const { send, handle } = app(t.router({ place, stream }), db.prisma);
    expect((await send("place", { key: "raw", input: 1 })).status).toBe(200);
    expect((await send("place", { key: "raw", input: 1 })).status).toBe(200);
    expect((await send("place", { key: "raw", input: 2 })).status).toBe(422);
    const headers = { "idempotency-key": "stream", "content-type": "application/octet-stream" };
    const upload = async (body: string) =>
      read(await handle(new Request("http://test/trpc/stream", { method: "POST", headers, body })));
    expect((await upload("x")).body).toBe('{"result":{"data":"x"}}');
    expect((await upload("x")).body).toBe('{"result":{"data":"x"}}');
    expect((await upload("y")).status).toBe(422);
  });
});

function formWith(content: string): FormData {
  const data = new FormData();
  data.set("file", new File([content], "a.txt", { type: "text/plain" }));
  return data;
}

function raise(): never {
  throw new Error("no database");
}
