import { describe, expect, it, vi } from "vitest";
import type { Codec } from "../../src/core/contract/options/codec.ts";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { withAmbientTransaction } from "../../src/prisma/ambient/ambient.ts";
import type { TestClient } from "../support/clients.ts";
import { databases } from "../support/database.ts";
import { Prisma } from "../support/generated/postgresql/client.ts";
import { door, request } from "../support/runs.ts";
import { account, accountIds, application, passedOn, Undo, undo } from "./support.ts";

class Counter {
  #count = 0;
  next(): number {
    this.#count += 1;
    return this.#count;
  }
}

const insert = async (client: unknown, id: string) =>
  void (await (client as TestClient).account.create(account(id)));

/** What an extension may add to a client, by names that are like Prisma's own, or like none. */
const members = {
  async write(id: string) {
    await insert(this, id);
  },
  async _log(id: string) {
    await insert(this, id);
  },
  async $connectedWrite(id: string) {
    await insert(this, id);
  },
  async $queryRawAndWrite(id: string) {
    await insert(Prisma.getExtensionContext(this), id);
  },
  cache: new Map([["a", 1]]),
  counter: new Counter(),
  Counter,
  $tools: Object.assign(() => "called", { version: 7 }),
};

describe.each(databases)("what an extension adds to a client, on $name,", ({ open }) => {
  it("may return a statement without awaiting it", async () => {
    await using database = await open();
    const adding = database.prisma.$extends({
      client: {
        $open(id: string) {
          return (this as unknown as TestClient).account.create(account(id));
        },
      },
      model: {
        account: {
          open(id: string) {
            return (this as unknown as TestClient["account"]).create(account(id));
          },
        },
      },
    });
    const prisma = withAmbientTransaction(adding);
    const idempotency = createIdempotency({ prisma, guard: "throw" });
    const use = async (client: Pick<typeof adding, "$open" | "account" | "$transaction">, name: string) => {
      await client.$open(`${name} 1`);
      await client.account.open(`${name} 2`);
      await client.$transaction([client.$open(`${name} 3`), client.account.open(`${name} 4`)]);
      await client.$transaction(async (tx) => {
        await tx.$open(`${name} 5`);
        await tx.account.open(`${name} 6`);
      });
    };
    await use(prisma, "outside");
    const run = idempotency.run(request("k"), async ({ tx }) => {
      await use(prisma, "client");
      await use(tx as unknown as typeof prisma, "tx");
      expect(await prisma.account.count()).toBe(18);
      return undo();
    });
    await expect(run).rejects.toBeInstanceOf(Undo);
    expect(await accountIds(database)).toEqual([1, 2, 3, 4, 5, 6].map((n) => `outside ${n}`));
  });

  it.each(["before", "after"])(
    "is inside a handler what it is outside, made %s the ambient client",
    async (order) => {
      await using database = await open();
      const extend = <T>(client: T) =>
        (client as TestClient).$extends({ client: members }) as unknown as T & typeof members;
      const prisma =
        order === "before"
          ? withAmbientTransaction(extend(database.prisma))
          : extend(withAmbientTransaction(database.prisma));
      const idempotency = createIdempotency({ prisma, guard: "throw" });
      const use = async (client: typeof prisma, name: string) => {
        await client.write(`${name} 1`);
        await client._log(`${name} 2`);
        await client.$connectedWrite(`${name} 3`);
        await client.$queryRawAndWrite(`${name} 4`);
        expect(client.cache.get("a")).toBe(1);
        expect(client.counter.next()).toBeGreaterThan(0);
        expect(new client.Counter().next()).toBe(1);
        expect([client.$tools(), client.$tools.version]).toEqual(["called", 7]);
      };
      await use(prisma, "outside");
      const undone = idempotency.run(request("k"), async ({ tx }) => {
        await use(prisma, "ambient");
        await use(tx as typeof prisma, "tx");
        return undo();
      });
      await expect(undone).rejects.toBeInstanceOf(Undo);
      expect(await accountIds(database)).toEqual([1, 2, 3, 4].map((n) => `outside ${n}`));
    },
  );

  it("joins the run that it starts itself", async () => {
    await using database = await open();
    const { idempotency } = application(database.prisma);
    const prisma = withAmbientTransaction(database.prisma).$extends({
      client: {
        async once(key: string, id: string) {
          const self = Prisma.getExtensionContext(this) as unknown as TestClient;
          await idempotency.run(
            request(key),
            async () => void (await self.account.create(account(id)), await undo()),
          );
        },
      },
      model: {
        account: {
          async openOnce(key: string, id: string) {
            const self = Prisma.getExtensionContext(this) as unknown as TestClient["account"];
            const client = (self as unknown as { $parent: TestClient }).$parent;
            await idempotency.run(request(key), async () => {
              await self.create(account(id));
              await client.account.create(account(`${id} by its client`));
              return undo();
            });
          },
        },
      },
    });
    await expect(prisma.once("k", "a")).rejects.toBeInstanceOf(Undo);
    await expect(prisma.account.openOnce("l", "b")).rejects.toBeInstanceOf(Undo);
    expect(await accountIds(database)).toEqual([]);
  });

  it("joins through a tx that a listener calls from another context", async () => {
    await using database = await open();
    const prisma = withAmbientTransaction(database.prisma);
    const more = prisma.$extends({
      client: {
        async openTwo(id: string) {
          await insert(this, `${id} 1`);
          await insert(prisma, `${id} 2`);
        },
      },
    });
    const idempotency = createIdempotency({ prisma: more, guard: "throw" });
    const { wait, open: go } = door();
    let useTx: (() => Promise<void>) | undefined;
    // In no handler, whenever it goes on.
    const elsewhere = wait().then(() => useTx?.());
    const run = idempotency.run(request("k"), async ({ tx }) => {
      useTx = async () => tx.openTwo("a");
      go();
      await elsewhere;
      return undo();
    });
    await expect(run).rejects.toBeInstanceOf(Undo);
    expect(await accountIds(database)).toEqual([]);
  });
});

/** A client whose accounts can be opened. */
const opening = (client: TestClient) =>
  client.$extends({
    model: {
      account: {
        async open(id: string) {
          return (this as unknown as TestClient["account"]).create(account(id));
        },
      },
    },
  });

describe.each(databases)("a method that an extension gives the models of tx, on $name,", ({ open }) => {
  it("waits for a nested transaction beside it", async () => {
    await using database = await open();
    const prisma = withAmbientTransaction(opening(database.prisma));
    const idempotency = createIdempotency({ prisma, guard: "throw" });
    const { wait, arrived, open: end } = door();
    await idempotency.run(request("k"), async ({ tx }) => {
      const nested = prisma.$transaction(async (inner) => {
        await inner.account.create(account("nested"));
        await wait();
        return undo();
      });
      nested.catch(() => {});
      await arrived;
      const opened = tx.account.open("beside");
      setImmediate(end);
      await expect(nested).rejects.toBeInstanceOf(Undo);
      expect((await opened).id).toBe("beside");
    });
    expect(await accountIds(database)).toEqual(["beside"]);
  });

  it("is refused after the handler's end, before its result is stored", async () => {
    await using database = await open();
    const prisma = opening(database.prisma);
    let open_: ((id: string) => Promise<unknown>) | undefined;
    let late: Promise<unknown> | undefined;
    const codec: Codec = {
      name: "writes",
      encode(value) {
        late = open_?.("late").catch((error: Error) => error.name);
        return JSON.stringify(value);
      },
      decode: (text) => JSON.parse(text) as unknown,
    };
    const idempotency = createIdempotency({ prisma, guard: "throw", codec });
    await idempotency.run(request("k"), async ({ tx }) => {
      open_ = async (id) => tx.account.open(id);
      return 1;
    });
    expect(await late).toBe("TransactionOverError");
    expect(await accountIds(database)).toEqual([]);
  });
});

describe.each(databases)("the context that a method of an extension finds, on $name,", ({ open }) => {
  const methods = {
    model: {
      $allModels: {
        async openBoth(id: string) {
          const { $parent } = Prisma.getExtensionContext(this) as unknown as { $parent: TestClient };
          await $parent.account.create(account(`${id} 1`));
          await $parent.$transaction(async (tx) => tx.account.create(account(`${id} 2`)));
          await $parent.$transaction([
            $parent.account.create(account(`${id} 3`)),
            (this as unknown as TestClient["account"]).create(account(`${id} 4`)),
          ]);
        },
      },
    },
    client: {
      async openAll(id: string) {
        const self = Prisma.getExtensionContext(this) as unknown as TestClient;
        await self.account.create(account(`${id} 1`));
        await self.$transaction(async (tx) => {
          await tx.account.create(account(`${id} 2`));
          await self.account.create(account(`${id} 3`));
        });
      },
    },
  };

  it.each<[string, (client: TestClient) => ReturnType<typeof extend>]>([
    ["before", (client) => withAmbientTransaction(extend(client))],
    ["after", (client) => extend(withAmbientTransaction(client))],
  ])("joins, made %s the ambient client", async (_, build) => {
    await using database = await open();
    const prisma = build(database.prisma);
    const idempotency = createIdempotency({ prisma, guard: "throw" });
    const run = idempotency.run(request("k"), async ({ tx }) => {
      await prisma.account.openBoth("model");
      await prisma.openAll("client");
      await (tx as typeof prisma).account.openBoth("model of tx");
      await (tx as typeof prisma).openAll("tx");
      expect(await prisma.account.count()).toBe(14);
      return undo();
    });
    await expect(run).rejects.toBeInstanceOf(Undo);
    expect(await accountIds(database)).toEqual([]);
  });

  function extend(client: TestClient) {
    return client.$extends(methods);
  }
});

describe.each(databases)("the parent that an extension calls, on $name,", ({ open }) => {
  /** Narrows a model by way of the client that it extends, and counts how often it is asked. */
  const narrow = (client: TestClient, prefix: string, asked: string[] = []): TestClient =>
    client.$extends({
      model: {
        $allModels: {
          updateMany(args: { data: object; where?: object }) {
            asked.push(prefix);
            const { $parent, $name } = Prisma.getExtensionContext(this) as unknown as {
              $parent: Record<string, { updateMany(args: object): Promise<{ count: number }> }>;
              $name: string;
            };
            const where = { AND: [{ id: { startsWith: prefix } }, args.where ?? {}] };
            return $parent[$name]!.updateMany({ ...args, where });
          },
        },
      },
    }) as unknown as TestClient;

  const all = { data: { balance: 7 } };

  it.each<[string, (client: TestClient) => TestClient]>([
    ["the client", (client) => client],
    ["an ambient client", withAmbientTransaction],
    ["an extended client", passedOn],
  ])("is the client that was extended: %s", async (_kind, baseOf) => {
    await using database = await open();
    const base = baseOf(database.prisma);
    await base.account.createMany({ data: ["a-1", "a-2", "b-1"].map((id) => ({ id, balance: 0 })) });
    const asked: string[] = [];
    const once = narrow(base, "a", asked);
    const twice = narrow(once, "a-1", asked);
    const ambient = withAmbientTransaction(twice);
    const idempotency = createIdempotency({ prisma: database.prisma, guard: "throw" });
    const counted = async (client: TestClient) => (await client.account.updateMany(all)).count;
    expect([await counted(once), await counted(twice), await counted(ambient)]).toEqual([2, 1, 1]);
    asked.length = 0;
    const { value } = await idempotency.run(request("k"), async ({ join }) => {
      const nested = join(twice).$transaction(async (tx) => counted(tx as TestClient));
      return [await counted(join(once)), await counted(join(twice)), await counted(ambient), await nested];
    });
    expect(value).toEqual([2, 1, 1, 1]);
    expect(asked).toHaveLength(7);
    const undone = idempotency.run(request("l"), async ({ join }) => {
      await join(twice).account.updateMany({ data: { balance: 9 } });
      await ambient.account.updateMany({ data: { balance: 9 } });
      return undo();
    });
    await expect(undone).rejects.toBeInstanceOf(Undo);
    const rows = await database.query('SELECT balance FROM "Account" ORDER BY id');
    expect(rows.map(({ balance }) => Number(balance))).toEqual([7, 7, 0]);
  });
});

describe.each(databases)("an ambient client on $name", ({ open }) => {
  it("is the parent of its models and of itself", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    type WithParent = { $parent: TestClient };
    const run = idempotency.run(request("k"), async () => {
      await (prisma.account as unknown as WithParent).$parent.account.create(account("a"));
      await (prisma as unknown as WithParent).$parent.account.create(account("b"));
      return undo();
    });
    await expect(run).rejects.toBeInstanceOf(Undo);
    expect(await accountIds(database)).toEqual([]);
    expect(prisma.constructor).toBe(database.prisma.constructor);
  });

  it("may be spied on, and mocked", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const count = vi.spyOn(prisma.account, "count");
    expect(await prisma.account.count()).toBe(0);
    await idempotency.run(request("k"), async () => prisma.account.count());
    expect(prisma.account.count).toHaveBeenCalledTimes(1);
    count.mockResolvedValueOnce(5 as never);
    expect([await prisma.account.count(), await prisma.account.count()]).toEqual([5, 0]);
    const raw = vi.spyOn(prisma, "$queryRaw");
    expect(await prisma.$queryRaw`SELECT 1 AS one`).toHaveLength(1);
    expect(raw).toHaveBeenCalledTimes(1);
    count.mockRestore();
    raw.mockRestore();
    await prisma.account.create(account("a"));
    expect(await prisma.account.count()).toBe(1);
  });
});
