import { describe, expect, it } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { withAmbientTransaction } from "../../src/prisma/ambient/ambient.ts";
import { adapterFor, type TestClient } from "../support/clients.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import type { PrismaClient } from "../support/generated/postgresql/client.ts";
import { door, request, warningsDuring } from "../support/runs.ts";
import { account, accountIds, Undo, undo } from "./support.ts";

type Joined = AsyncDisposable & ReturnType<typeof service>;

/** An application's client as NestJS has it, with state that only its own methods see. */
function service(database: TestDatabase, onMade: (made: TestClient) => void = () => {}) {
  const Base = database.prisma.constructor as typeof PrismaClient;
  class PrismaService extends Base {
    readonly #opened: string[] = [];
    readonly label = "service";

    constructor() {
      super({ adapter: adapterFor(database), transactionOptions: { maxWait: 60_000 } });
      onMade(this);
    }

    async onModuleInit() {
      await this.$connect();
    }

    list() {
      return [...this.#opened];
    }

    async open(id: string) {
      this.#opened.push(id);
      await this.account.create(account(id));
    }

    lazily(id: string) {
      this.#opened.push(id);
      return this.account.create(account(id));
    }

    byArrow = async (id: string) => {
      this.#opened.push(id);
      await this.account.create(account(id));
    };

    async _private(id: string) {
      await this.open(id);
    }

    async $openAll(id: string) {
      await this.$transaction([this.lazily(`${id} 1`), this.account.create(account(`${id} 2`))]);
      await this.$transaction(async (tx) => {
        await tx.account.create(account(`${id} 3`));
        await tx.account.create(account(`${id} 4`));
      });
      await this.$executeRaw`INSERT INTO "Account" (id, balance) VALUES (${`${id} 5`}, 1)`;
    }

    /** As a service gives each tenant its client. */
    prefixed(prefix: string) {
      this.#opened.push(prefix);
      return this.$extends({
        query: {
          account: {
            create: ({ args, query }) =>
              query({ ...args, data: { ...args.data, id: `${prefix} ${args.data.id}` } }),
          },
        },
      });
    }
  }
  const prisma = new PrismaService();
  return Object.assign(prisma, { [Symbol.asyncDispose]: () => prisma.$disconnect() });
}

async function openAllWays(prisma: Joined, name: string) {
  await prisma.open(`${name} method`);
  await prisma.lazily(`${name} lazy`);
  await prisma.byArrow(`${name} arrow`);
  await prisma._private(`${name} private`);
  await prisma.$openAll(name);
  await prisma.prefixed(name).account.create(account("extended"));
}

const WAYS = ["1", "2", "3", "4", "5", "arrow", "extended", "lazy", "method", "private"];

describe.each(databases)("a class of the application with #private members, on $name,", ({ open }) => {
  it.each<[string, (database: TestDatabase) => Joined]>([
    ["from outside", (database) => withAmbientTransaction(service(database))],
    ["in its constructor", (database) => service(database, withAmbientTransaction)],
    ["twice", (database) => withAmbientTransaction(service(database, withAmbientTransaction))],
  ])("joins, made ambient %s", async (_, build) => {
    await using database = await open();
    await using prisma = build(database);
    const idempotency = createIdempotency({ prisma, guard: "throw" });
    await prisma.onModuleInit();
    await openAllWays(prisma, "outside");
    const undone = idempotency.run(request("k"), async () => {
      await openAllWays(prisma, "undone");
      expect(await prisma.account.count()).toBe(20);
      return undo();
    });
    await expect(undone).rejects.toBeInstanceOf(Undo);
    expect(await accountIds(database)).toEqual(WAYS.map((way) => `outside ${way}`));
    await idempotency.run(request("k"), async () => openAllWays(prisma, "inside"));
    expect(await accountIds(database)).toHaveLength(20);
    // What is not in the database no rollback undoes.
    expect(prisma.list()).toHaveLength(3 * 6);
    expect(prisma.label).toBe("service");
  });

  it("joins as the handler's tx, by join, and in their nested transactions", async () => {
    await using database = await open();
    await using prisma = withAmbientTransaction(service(database));
    for (const known of [prisma, prisma.$extends({ name: "of the runs" }) as unknown as Joined]) {
      const idempotency = createIdempotency({ prisma: known, guard: "throw" });
      const run = idempotency.run(request("k"), async ({ tx, join }) => {
        const joined = join(prisma);
        await openAllWays(joined, "join");
        await joined.$transaction(async (inner) => (inner as Joined).open("by its own tx"));
        await prisma.$transaction(async () => prisma.open("in its own transaction"));
        if (known === prisma) {
          await (tx as unknown as Joined).open("tx");
        }
        return undo();
      });
      await expect(run).rejects.toBeInstanceOf(Undo);
    }
    expect(await accountIds(database)).toEqual([]);
    expect(prisma.list()).toHaveLength(2 * 8 + 1);
  });

  it("joins the run that its own method starts", async () => {
    await using database = await open();
    await using prisma = withAmbientTransaction(service(database));
    const idempotency = createIdempotency({ prisma, guard: "throw" });
    const once = async function (this: Joined) {
      await idempotency.run(request("k"), async () => {
        await this.open("a");
        return undo();
      });
    };
    await expect(once.call(prisma)).rejects.toBeInstanceOf(Undo);
    expect(await accountIds(database)).toEqual([]);
  });

  it("joins through tx from a context that is in no handler", async () => {
    await using database = await open();
    await using prisma = withAmbientTransaction(service(database));
    const idempotency = createIdempotency({ prisma, guard: "throw" });
    const { wait, open: go } = door();
    let useTx: (() => Promise<void>) | undefined;
    const elsewhere = wait().then(() => useTx?.());
    const run = idempotency.run(request("k"), async ({ tx }) => {
      useTx = () => (tx as unknown as Joined).open("a");
      go();
      await elsewhere;
      return undo();
    });
    await expect(run).rejects.toBeInstanceOf(Undo);
    expect(await accountIds(database)).toEqual([]);
  });

  it("is not reported for a transaction that joins, whenever the guard is asked for", async () => {
    await using database = await open();
    await using prisma = withAmbientTransaction(service(database), { guard: "off" });
    const idempotency = createIdempotency({ prisma, guard: "warn" });
    const warnings = await warningsDuring(async () => {
      await prisma.$openAll("outside");
      await idempotency.run(request("k"), async () => prisma.$openAll("inside"));
    });
    expect(warnings).toEqual([]);
    expect(await accountIds(database)).toHaveLength(10);
  });

  it("leaves nested transactions, and those of its extended clients, as Prisma has them", async () => {
    await using database = await open();
    await using prisma = withAmbientTransaction(service(database));
    const extended = prisma.prefixed("extended");
    const failed = prisma.$transaction(async (tx) => {
      await tx.$executeRaw`INSERT INTO "Account" (id, balance) VALUES ('raw', 1)`;
      await tx.account.create(account("a"));
      return undo();
    });
    await expect(failed).rejects.toBeInstanceOf(Undo);
    const failedToo = extended.$transaction(async (tx) => {
      await tx.account.create(account("b"));
      await tx.$executeRaw`INSERT INTO "Account" (id, balance) VALUES ('raw', 1)`;
      return undo();
    });
    await expect(failedToo).rejects.toBeInstanceOf(Undo);
    expect(await accountIds(database)).toEqual([]);
  });

  it("joins where the runs knew it before it was made ambient", async () => {
    await using database = await open();
    await using prisma = service(database);
    const idempotency = createIdempotency({ prisma, guard: "throw" });
    withAmbientTransaction(prisma);
    const run = idempotency.run(request("k"), async ({ tx, join }) => {
      await prisma.open("a");
      await join(prisma).open("b");
      await tx.account.create(account("c"));
      return undo();
    });
    await expect(run).rejects.toBeInstanceOf(Undo);
    expect(await accountIds(database)).toEqual([]);
  });
});
