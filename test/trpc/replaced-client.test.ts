import { describe, expect, it } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { withAmbientTransaction } from "../../src/prisma/ambient/ambient.ts";
import { idempotencyMiddleware } from "../../src/trpc/index.ts";
import { account, accountIds, passedOn } from "../ambient/support.ts";
import { adapterFor, type TestClient } from "../support/clients.ts";
import { databases } from "../support/database.ts";
import type { PrismaClient } from "../support/generated/postgresql/client.ts";
import { app, t } from "./support.ts";

type Joins = { join: (client: TestClient) => TestClient };

/** A procedure with a middleware after ours, which puts another client under the name that provide gives. */
function procedure(prisma: TestClient, other: (context: Joins) => TestClient, requireKey: boolean) {
  const idempotent = idempotencyMiddleware({
    idempotency: createIdempotency({ prisma, guard: "off" }),
    scope: "global",
    provide: "prisma",
    requireKey,
  });
  return t.procedure
    .use(idempotent)
    .use(({ ctx, next }) =>
      next({ ctx: { prisma: other((ctx as unknown as { idempotency: Joins }).idempotency) } }),
    );
}

describe.each(databases)("a middleware after ours, on $name,", ({ open }) => {
  it.each<[string, (client: TestClient) => () => TestClient]>([
    ["the client of before", (client) => () => client],
    ["a new client", (client) => () => passedOn(client)],
    ["a client made at its first use", (client) => () => new Proxy(client, {})],
  ])("may not put there what is in no transaction: %s", async (_what, otherOf) => {
    await using db = await open();
    for (const key of ["k", undefined]) {
      const add = procedure(db.prisma, otherOf(db.prisma), key !== undefined).mutation(() => "done");
      const { body, status } = await app(t.router({ add }), db.prisma).send(
        "add",
        key === undefined ? {} : { key },
      );
      expect(body).toContain("a middleware of add after idempotencyMiddleware has put a client of its own");
      expect(body).toContain("as prisma, where option provide");
      expect(status).toBe(500);
    }
    expect(await db.prisma.idempotencyRecord.count()).toBe(0);
  });

  it.each<[string, (client: TestClient) => (context: Joins) => TestClient]>([
    [
      "a client that it joined",
      (client) =>
        ({ join }) =>
          join(passedOn(client)),
    ],
    ["an ambient client", (client) => () => withAmbientTransaction(client)],
    ["one extended from an ambient client", (client) => () => passedOn(withAmbientTransaction(client))],
  ])("may put there what is in the transaction: %s", async (_what, otherOf) => {
    await using db = await open();
    for (const key of ["k", undefined]) {
      const add = procedure(db.prisma, otherOf(db.prisma), key !== undefined).mutation(() => "done");
      const { body } = await app(t.router({ add }), db.prisma).send("add", key === undefined ? {} : { key });
      expect(body).toContain("done");
    }
  });

  it("may put there an instance of the application's own class that is ambient, but not what was derived from it before", async () => {
    await using db = await open();
    class Service extends (db.prisma.constructor as typeof PrismaClient) {
      readonly #adding = "a";
      readonly early = this.$extends({ name: "early" });

      async add() {
        await this.account.create(account(this.#adding));
      }
    }
    const service = new Service({ adapter: adapterFor(db) });
    const early = service.early as unknown as TestClient;
    withAmbientTransaction(service);
    for (const key of ["k", undefined]) {
      const add = procedure(service, () => service, key !== undefined).mutation(async ({ ctx }) => {
        await (ctx as unknown as { prisma: Service }).prisma.add();
        throw new Error("undone");
      });
      const { body } = await app(t.router({ add }), service).send("add", key === undefined ? {} : { key });
      expect(body).toContain("undone");
      expect(await accountIds(db)).toEqual([]);
      const done = procedure(service, () => service, key !== undefined).mutation(() => "done");
      const kept = await app(t.router({ keep: done }), service).send(
        "keep",
        key === undefined ? {} : { key },
      );
      expect(JSON.parse(kept.body)).toEqual({ result: { data: "done" } });
      const outside = procedure(service, () => early, key !== undefined).mutation(() => "done");
      const refused = await app(t.router({ outside }), service).send(
        "outside",
        key === undefined ? {} : { key },
      );
      expect(refused.body).toContain("has put a client of its own");
    }
    await service.$disconnect();
  });

  it("may put a client of its own elsewhere", async () => {
    await using db = await open();
    const idempotent = idempotencyMiddleware({
      idempotency: createIdempotency({ prisma: db.prisma }),
      scope: "global",
    });
    const add = t.procedure
      .use(idempotent)
      .use(({ ctx, next }) => next({ ctx: { reader: ctx.prisma } }))
      .mutation(async ({ ctx }) => {
        await ctx.tx.account.create(account("a"));
        return ctx.reader === db.prisma;
      });
    const { body } = await app(t.router({ add }), db.prisma).send("add", { key: "k" });
    expect(JSON.parse(body)).toEqual({ result: { data: true } });
    expect(await accountIds(db)).toEqual(["a"]);
  });
});
