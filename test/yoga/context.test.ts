import { GraphQLError } from "graphql";
import { createSchema, createYoga, type Plugin, useExecutionCancellation } from "graphql-yoga";
import { describe, expect, it } from "vitest";
import { createIdempotency } from "../../src/index.ts";
import { useIdempotency } from "../../src/yoga/index.ts";
import { databases } from "../support/database.ts";
import { app, type Context, keyed, recordsOf, toldIn } from "./support.ts";

const PLACE = `mutation { place(item: "tea") { id } }`;

interface Note {
  readonly when: "inside" | "after";
  readonly prisma: unknown;
  readonly idempotency: unknown;
}

/** Notes what resolvers find in the context, and what is there after the answer. */
function useNotes(notes: Note[]): Plugin {
  const note = (when: Note["when"], { prisma, idempotency }: Partial<Context>) =>
    notes.push({ when, prisma, idempotency });
  return {
    onExecute({ args, executeFn, setExecuteFn }) {
      setExecuteFn((inner) => {
        note("inside", inner.contextValue as Context);
        return executeFn(inner);
      });
      return { onExecuteDone: () => void note("after", args.contextValue as Partial<Context>) };
    },
  };
}

describe.each(databases)("the context of a mutation, on $name", ({ open }) => {
  it("holds the transaction and the key while it executes, and what it held before afterwards", async () => {
    await using db = await open();
    const notes: Note[] = [];
    const { send } = app(db, { provide: "prisma" }, { plugins: [useNotes(notes)] });
    const reply = await send([keyed(PLACE, "k1"), keyed("mutation { attempt }", "k2")]);
    expect(reply.json[1].data.attempt).toBe("k2 1 43");
    const inside = notes.filter(({ when }) => when === "inside");
    expect(new Set(inside.map(({ prisma }) => prisma)).size).toBe(2);
    for (const { when, prisma, idempotency } of notes) {
      expect(prisma === db.prisma).toBe(when === "after");
      expect(idempotency === undefined).toBe(when === "after");
    }
    expect(notes).toHaveLength(4);
  });

  it("without a key: a transaction of its own where the application provides nothing", async () => {
    await using db = await open();
    const { send } = app(db, { requireKey: false });
    const failed = await send({ query: `mutation { place(item: "tea") { id } crash { id } }` });
    expect(failed.json.data).toBeNull();
    expect(await db.countOrders()).toBe(0);
    await send({ query: `mutation { fail(code: "OUT_OF_STOCK") { id } }` });
    expect(await db.countOrders()).toBe(0);
    await send({ query: `mutation { place(item: "tea") { id } fail(code: "OUT_OF_STOCK") { id } }` });
    expect(await db.countOrders({ item: "tea" })).toBe(1);
    await send({ query: PLACE });
    expect(await db.countOrders({ item: "tea" })).toBe(2);
    expect(await recordsOf(db)).toEqual([]);
  });

  it("without a key: untouched where the application provides its client", async () => {
    await using db = await open();
    const notes: Note[] = [];
    const { send } = app(db, { provide: "prisma", requireKey: false }, { plugins: [useNotes(notes)] });
    const reply = await send({ query: `mutation { place(item: "tea") { id } crash { id } }` });
    expect(reply.json.data.place.id).toBeTypeOf("string");
    expect(notes[0]?.prisma).toBe(db.prisma);
    expect(notes[0]?.idempotency).toBeUndefined();
    expect(await db.countOrders()).toBe(2);
  });

  it("undoes and releases what a client's disconnection cancelled", async () => {
    await using db = await open();
    const { fetch, send } = app(db, {}, { plugins: [useExecutionCancellation()] });
    const body = keyed(`mutation { slow(item: "a") { id } b: slow(item: "b") { id } }`, "k1");
    const controller = new AbortController();
    const pending = fetch("http://localhost/graphql", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: controller.signal,
    });
    setTimeout(() => controller.abort(), 100);
    await pending.catch(() => {});
    const retry = await send(body);
    expect(toldIn(retry)).toBe("stored");
    expect(retry.json.data.b.id).toBeTypeOf("string");
    expect(await db.countOrders()).toBe(2);
    expect(await recordsOf(db)).toMatchObject([{ status: "completed" }]);
  });
});

describe.each(databases)("resolvers that go on after the answer, on $name", ({ open }) => {
  it.each(["OUT_OF_STOCK", "INTERNAL_SERVER_ERROR"])(
    "write nothing, neither outside nor inside: %s",
    async (code) => {
      await using db = await open();
      const ended: Promise<unknown>[] = [];
      const write = async ({ prisma }: Pick<Context, "prisma">, key: string) =>
        prisma.order.create({
          data: { key, customer: "u", item: "x", quantity: 1, total: "1", big: 1n },
        });
      const yoga = createYoga({
        logging: false,
        schema: createSchema<Pick<Context, "prisma">>({
          typeDefs: `type Query { q: Int } type Order { refused: Int! late: Int! } type Mutation { place: Order }`,
          resolvers: {
            Mutation: { place: async (_, __, context) => write(context, "placed") },
            Order: {
              refused: async () => {
                await Promise.resolve();
                throw new GraphQLError("no", { extensions: { code } });
              },
              late: (_, __, context) => {
                const late = new Promise((resolve) => setTimeout(resolve, 100)).then(() =>
                  write(context, "late"),
                );
                ended.push(late.catch(({ name }) => name));
                return late;
              },
            },
          },
        }),
        context: () => ({ prisma: db.prisma }),
        plugins: [
          useIdempotency({
            idempotency: createIdempotency({ prisma: db.prisma }),
            scope: "global",
            provide: "prisma",
          }),
        ],
      });
      const response = await yoga.fetch("http://test/graphql", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(keyed("mutation { place { late refused } }", "k")),
      });
      expect((await response.json()).data).toEqual(code === "OUT_OF_STOCK" ? { place: null } : null);
      expect(await Promise.all(ended)).toEqual(["TransactionOverError"]);
      expect(await db.countOrders()).toBe(0);
    },
  );
});
