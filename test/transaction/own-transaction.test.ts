import { describe, expect, it } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { withAmbientTransaction } from "../../src/prisma/ambient/ambient.ts";
import { idempotencyMiddleware } from "../../src/trpc/index.ts";
import { account, accountIds } from "../ambient/support.ts";
import { adapterFor, type TestClient } from "../support/clients.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import type { PrismaClient } from "../support/generated/postgresql/client.ts";
import { request } from "../support/runs.ts";
import { app, t } from "../trpc/support.ts";

type Work = (tx: unknown) => Promise<unknown>;

/** As an application sets something for each transaction, or narrows what it hands out. */
const extended = (client: TestClient): TestClient =>
  client.$extends({
    client: {
      $transaction: (work: Work, options: object) =>
        client.$transaction(async (tx) => {
          await tx.account.create(account("of the replacement"));
          return work(tx);
        }, options),
    },
  }) as unknown as TestClient;

/** The same by the application's own class. */
function ofClass(db: TestDatabase): TestClient & AsyncDisposable {
  const Base = db.prisma.constructor as typeof PrismaClient;
  class Service extends Base {}
  Object.defineProperty(Service.prototype, "$transaction", {
    writable: true,
    value(this: TestClient, work: Work, options: object) {
      const transact = Base.prototype.$transaction as unknown as (work: Work, options: object) => unknown;
      return transact.call(this, async (tx) => work(tx), options);
    },
  });
  const service = new Service({ adapter: adapterFor(db), transactionOptions: { maxWait: 60_000 } });
  return Object.assign(service, { [Symbol.asyncDispose]: async () => service.$disconnect() });
}

const REFUSED = "$transaction of this client is replaced";
const inside = (client: Pick<TestClient, "account" | "$transaction">) =>
  client.$transaction(async (tx) => tx.account.create(account("a")));
const batch = (client: TestClient) => client.$transaction([client.account.create(account("a"))]);

describe.each(databases)("a client with another method for transactions, on $name,", ({ open }) => {
  it.each<[how: string, clientOf: (client: TestClient) => TestClient]>([
    ["an extension", extended],
    ["an extension of an ambient client", (client) => extended(withAmbientTransaction(client))],
    ["an extension under the ambient client", (client) => withAmbientTransaction(extended(client))],
    [
      "one under another extension",
      (client) => extended(client).$extends({ name: "other" }) as unknown as TestClient,
    ],
  ])("refuses it in a handler, by %s, and keeps it outside", async (how, clientOf) => {
    await using db = await open();
    const client = clientOf(db.prisma);
    const idempotency = createIdempotency({ prisma: db.prisma, guard: "off" });
    for (const call of [inside, batch]) {
      const joined = idempotency.run(request("k"), async ({ join }) => call(join(client)));
      await expect(joined).rejects.toThrow(REFUSED);
      const leased = idempotency.runLeased(request("l"), async ({ transaction }) =>
        transaction("step", async ({ join }) => call(join(client))),
      );
      await expect(leased).rejects.toThrow(REFUSED);
      const idempotent = idempotencyMiddleware({ idempotency, scope: "global", provide: "prisma" });
      const procedure = t.procedure
        .use(idempotent)
        .mutation(async ({ ctx }) => call(ctx.prisma as TestClient));
      const { body } = await app(t.router({ add: procedure }), client).send("add", { key: "k" });
      expect(body).toContain(REFUSED);
      if (how.includes("ambient")) {
        const ambient = idempotency.run(request("k"), async () => call(client));
        await expect(ambient).rejects.toBeInstanceOf(TypeError);
      }
    }
    expect(await accountIds(db)).toEqual([]);
    await idempotency.run(
      request("k"),
      async ({ join }) => (await join(client).account.create(account("b"))) && 1,
    );
    await inside(client);
    expect(await accountIds(db)).toContain("of the replacement");
  });

  it("refuses it on the client of the runs too, whose own transaction it has begun", async () => {
    await using db = await open();
    const idempotency = createIdempotency({ prisma: extended(db.prisma), guard: "off" });
    await expect(idempotency.run(request("k"), async ({ tx }) => inside(tx))).rejects.toThrow(REFUSED);
    await idempotency.run(request("k"), async () => 1);
    expect(await accountIds(db)).toEqual(["of the replacement"]);
  });

  it("refuses it on instances of a class, and has savepoints of tx", async () => {
    await using db = await open();
    await using service = ofClass(db);
    const idempotency = createIdempotency({ prisma: service, guard: "throw" });
    await expect(idempotency.run(request("k"), async ({ join }) => inside(join(service)))).rejects.toThrow(
      REFUSED,
    );
    const ambient = withAmbientTransaction(service);
    await expect(idempotency.run(request("k"), async () => inside(ambient))).rejects.toThrow(REFUSED);
    await expect(idempotency.run(request("k"), async () => batch(ambient))).rejects.toThrow(REFUSED);
    const derived = ambient.$extends({ name: "other" }) as unknown as TestClient;
    await expect(idempotency.run(request("k"), async () => inside(derived))).rejects.toThrow(REFUSED);
    expect(await accountIds(db)).toEqual([]);
    await idempotency.run(request("k"), async ({ tx }) => (await inside(tx)) && 1);
    expect(await accountIds(db)).toEqual(["a"]);
  });
});
