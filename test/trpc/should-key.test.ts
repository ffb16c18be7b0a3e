import { createTRPCClient, httpBatchLink, retryLink, type TRPCLink } from "@trpc/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import {
  type IdempotencyLinkOptions,
  idempotencyHeaders,
  idempotencyLink,
  type OutgoingMutation,
  retryIdempotent,
  withIdempotencyKey,
} from "../../src/trpc/client/index.ts";
import { auditRouter } from "../../src/trpc/index.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { idempotentOn, type Listening, listen, order, t } from "./support.ts";

describe.each(databases)("shouldKey, on $name", ({ open }) => {
  let db: TestDatabase;
  let server: Listening;
  beforeAll(async () => {
    db = await open();
    server = await listen(router(), db.prisma);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await db[Symbol.asyncDispose]();
  });

  const input = z.object({ key: z.string() });
  const router = () =>
    t.router({
      place: t.procedure
        .input(input)
        .use(idempotentOn(db.prisma))
        .mutation(async ({ ctx, input }) => (await ctx.tx.order.create({ data: order(input.key) })).id),
      // Nothing protects this one.
      log: t.procedure
        .input(input)
        .mutation(async ({ ctx, input }) => (await ctx.prisma.order.create({ data: order(input.key) })).id),
    });
  type Router = ReturnType<typeof router>;

  const links = {
    "key first": (link: TRPCLink<Router>, retry: TRPCLink<Router>) => [link, retry],
    "retry first": (link: TRPCLink<Router>, retry: TRPCLink<Router>) => [retry, link],
  };

  /** A client whose first answer is lost after its request was executed. */
  function clientOf(inOrder: keyof typeof links, options?: IdempotencyLinkOptions) {
    let lost = false;
    const losing = async (url: string | URL | Request, init?: object) => {
      const response = await fetch(url, init as RequestInit);
      if (lost) return response;
      await response.text();
      lost = true;
      throw new TypeError("lost");
    };
    return createTRPCClient<Router>({
      links: [
        ...links[inOrder](
          idempotencyLink<Router>(options),
          retryLink<Router>(retryIdempotent({ backoffMs: 1, backoffMsMax: 1 })),
        ),
        httpBatchLink({ url: server.url, headers: idempotencyHeaders, fetch: losing }),
      ],
    });
  }

  const shouldKey = ({ path }: OutgoingMutation) => path !== "log";

  describe.each(Object.keys(links) as (keyof typeof links)[])("%s", (inOrder) => {
    it("a mutation that is left out gets no key and no retry, and executes once", async () => {
      const key = `log, ${inOrder}`;
      await expect(clientOf(inOrder, { shouldKey }).log.mutate({ key })).rejects.toThrow("lost");
      expect(await db.countOrders({ key })).toBe(1);
    });

    it("any other mutation has its retry, and executes once", async () => {
      const key = `place, ${inOrder}`;
      expect(await clientOf(inOrder, { shouldKey }).place.mutate({ key })).toBeTypeOf("string");
      expect(await db.countOrders({ key })).toBe(1);
    });

    it("a key that the call brings is kept, and not asked about", async () => {
      const key = `own, ${inOrder}`;
      const client = clientOf(inOrder, { shouldKey: () => false });
      const context = { idempotencyKey: key };
      const id = await client.place.mutate({ key }, { context });
      // The copy of an input may carry one too.
      expect(await client.place.mutate(withIdempotencyKey({ key }, key))).toBe(id);
      expect(await db.countOrders({ key })).toBe(1);
      expect(await db.query(`SELECT key FROM idempotency_record WHERE key = '${key}'`)).toHaveLength(1);
    });
  });

  it("without it, a lost answer executes twice what nothing protects", async () => {
    await clientOf("key first").log.mutate({ key: "twice" });
    expect(await db.countOrders({ key: "twice" })).toBe(2);
  });

  it("is asked once per call, with its path, input and context", async () => {
    const seen: OutgoingMutation[] = [];
    const client = clientOf("retry first", {
      shouldKey: (mutation) => seen.push(mutation) > 0,
    });
    await client.place.mutate({ key: "seen" }, { context: { from: "test" } });
    expect(seen).toMatchObject([{ path: "place", input: { key: "seen" }, context: { from: "test" } }]);
  });

  it("can go by the list of auditRouter", async () => {
    const protectedPaths = (await auditRouter(router())).filter(({ policy }) => policy !== "unprotected");
    expect(protectedPaths.map(({ path }) => path)).toEqual(["place"]);
  });
});

it.each([
  [{ key: "k" }, "there is no option key; give shouldKey."],
  [{ shouldKey: true }, "option shouldKey is of type boolean; give a function such as ({ path }) =>"],
  [() => true, "there is no option of type function; give shouldKey."],
])("an option of the link that cannot be used is named: %o", (options, message) => {
  const make = () => idempotencyLink(options as never);
  expect(make).toThrow(TypeError);
  expect(make).toThrow(message);
});
