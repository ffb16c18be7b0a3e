import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { withAmbientTransaction } from "../../src/prisma/ambient/ambient.ts";
import { type GuardMode, UncoveredWriteError } from "../../src/prisma/guard/guard.ts";
import { account, accountIds, application, clients, passedOn, Undo, undo } from "../ambient/support.ts";
import type { TestClient } from "../support/clients.ts";
import { databases } from "../support/database.ts";
import { door, pretending, request, warningsDuring } from "../support/runs.ts";

afterEach(() => vi.unstubAllEnvs());

type Work = (client: TestClient) => PromiseLike<unknown>;

const WRITES: [name: string, model: string | undefined, action: string, write: Work][] = [
  ["create", "Account", "create", (c) => c.account.create(account("a"))],
  ["createMany", "Account", "createMany", (c) => c.account.createMany(account("a"))],
  ["updateMany", "Account", "updateMany", (c) => c.account.updateMany({ data: { balance: 3 } })],
  [
    "upsert",
    "Account",
    "upsert",
    (c) => c.account.upsert({ where: { id: "a" }, create: account("a").data, update: { balance: 3 } }),
  ],
  ["deleteMany", "Account", "deleteMany", (c) => c.account.deleteMany()],
  ["$executeRaw", undefined, "executeRaw", (c) => c.$executeRaw`UPDATE "Account" SET balance = 3`],
  ["$executeRawUnsafe", undefined, "executeRaw", (c) => c.$executeRawUnsafe('DELETE FROM "Account"')],
  [
    "$queryRaw that inserts",
    undefined,
    "queryRaw",
    (c) => c.$queryRaw`INSERT INTO "Account" (id, balance) VALUES ('a', 1) RETURNING id`,
  ],
  [
    "$queryRaw with WITH that inserts",
    undefined,
    "queryRaw",
    (c) => c.$queryRaw`WITH a AS (SELECT 'a' AS id)
      INSERT INTO "Account" (id, balance) SELECT id, 1 FROM a RETURNING id`,
  ],
  [
    "a batch",
    "Account",
    "create",
    (c) => c.$transaction([c.account.count(), c.account.create(account("a"))]),
  ],
  [
    "a transaction of its own, which on SQLite would wait for the handler's",
    undefined,
    "$transaction",
    (c) =>
      c.$transaction(async (tx) => {
        await tx.account.count();
        await tx.account.create(account("a"));
      }),
  ],
  [
    "an extended client",
    "Account",
    "create",
    (c) => c.$extends({ name: "more", query: {} }).account.create(account("a")),
  ],
  [
    "a client whose extension every query passes",
    "Account",
    "create",
    (c) => passedOn(c).account.create(account("a")),
  ],
  [
    "a client whose extension others pass",
    undefined,
    "executeRaw",
    (c) => passedOn(c).$executeRaw`DELETE FROM "Account"`,
  ],
];

const READS: [name: string, read: Work][] = [
  ["findMany", (c) => c.account.findMany()],
  ["findUnique", (c) => c.account.findUnique({ where: { id: "a" } })],
  ["count", (c) => c.account.count()],
  ["aggregate", (c) => c.account.aggregate({ _sum: { balance: true } })],
  ["groupBy", (c) => c.account.groupBy({ by: ["balance"] })],
  ["$queryRaw that selects", (c) => c.$queryRaw`  select id FROM "Account"`],
  ["$queryRaw with WITH that selects", (c) => c.$queryRaw`WITH a AS (SELECT 1 AS updated) SELECT * FROM a`],
  ["$queryRawUnsafe that selects", (c) => c.$queryRawUnsafe('SELECT id FROM "Account"')],
];

// Through a root client; on SQLite it would wait for the handler's transaction, and so is refused before it is sent.
describe.each(databases)('the guard "throw" on $name', ({ name, open }) => {
  // MariaDB has no WITH before INSERT.
  const writes = WRITES.filter(([what]) => name !== "mariadb" || !what.includes("WITH"));

  it.each(writes)("keeps back a write through the root client: %s", async (_, model, action, write) => {
    await using database = await open();
    const idempotency = createIdempotency({ prisma: database.prisma, guard: "throw" });
    let refused: unknown;
    const run = idempotency.run(request("k"), async ({ tx }) => {
      await tx.account.create(account("covered"));
      await Promise.resolve(write(database.prisma)).catch((error: unknown) => {
        refused = error;
      });
      return undo();
    });
    await expect(run).rejects.toBeInstanceOf(Undo);
    expect(refused).toBeInstanceOf(UncoveredWriteError);
    expect(refused).toMatchObject({
      model,
      action,
      callSite: expect.stringMatching(/guard\.test\.ts:\d+:\d+$/),
    });
    expect(String(refused)).toContain("the handler of orders.place writes outside of its transaction");
    expect(String(refused)).toContain(`${model === undefined ? action : `${model}.${action}`} at `);
    expect(await database.query('SELECT * FROM "Account"')).toEqual([]);
    // Outside of handlers nothing is refused.
    await write(database.prisma);
  });

  it("has nothing against what goes through tx, through an ambient client, and outside", async () => {
    await using database = await open();
    const prisma = withAmbientTransaction(database.prisma);
    const idempotency = createIdempotency({ prisma: database.prisma, guard: "throw" });
    await idempotency.run(request("k"), async ({ tx, afterCommit }) => {
      await tx.account.create(account("tx"));
      await tx.$executeRaw`UPDATE "Account" SET balance = 3`;
      await prisma.$transaction([prisma.account.create(account("ambient"))]);
      afterCommit(() => database.prisma.account.create(account("after")));
    });
    await idempotency.runLeased(request("l"), async ({ step }) => {
      await step("outside", async () => void (await database.prisma.account.create(account("step"))));
    });
    await idempotency.prune();
    expect(await database.query('SELECT id FROM "Account" ORDER BY id')).toHaveLength(4);
  });

  it("has nothing against a write after the handler's end, which no rollback of it could undo", async () => {
    await using database = await open();
    const { idempotency } = application(database.prisma);
    const { wait, arrived, open: go } = door();
    let late: Promise<unknown> | undefined;
    await idempotency.run(request("k"), async () => {
      late = wait().then(async () => database.prisma.account.create(account("late")));
      await arrived;
    });
    go();
    await late;
    expect(await accountIds(database)).toEqual(["late"]);
  });

  it("keeps back a write by what outlived a nested transaction, or a run on another database", async () => {
    await using database = await open();
    await using second = await open();
    const { prisma, idempotency } = application(database.prisma);
    const other = application(second.prisma);
    const run = idempotency.run(request("k"), async () => {
      const late: Promise<unknown>[] = [];
      const over = door();
      const leave = async () => {
        late.push(over.wait().then(async () => database.prisma.account.create(account(`${late.length}`))));
      };
      await prisma.$transaction(leave);
      await other.idempotency.run(request("k"), leave);
      over.open();
      for (const write of late) await expect(write).rejects.toBeInstanceOf(UncoveredWriteError);
      return late.length;
    });
    expect([(await run).value, await accountIds(database)]).toEqual([2, []]);
  });

  it.each(clients)("has nothing against the tx of another run, of a client %s", async (_, clientOf) => {
    await using database = await open();
    await using second = await open();
    const { idempotency } = application(clientOf(database.prisma));
    const other = application(second.prisma);
    const { wait, open: go } = door();
    let write: (() => Promise<unknown>) | undefined;
    const elsewhere = wait().then(() =>
      other.idempotency.run(request("b"), async () => void (await write?.())),
    );
    await idempotency.run(request("a"), async ({ tx }) => {
      write = async () => tx.account.create(account("a"));
      go();
      await elsewhere;
    });
    expect(await accountIds(database)).toEqual(["a"]);
  });

  it("has nothing against the savepoints of another run's transaction", async () => {
    await using database = await open();
    await using second = await open();
    const { idempotency } = application(database.prisma);
    const other = application(second.prisma);
    const { wait, open: go } = door();
    let nest: (() => Promise<unknown>) | undefined;
    const elsewhere = wait().then(() =>
      other.idempotency.run(request("b"), async () => void (await nest?.())),
    );
    const undone = idempotency.run(request("a"), async ({ tx }) => {
      const { $transaction } = tx as unknown as TestClient;
      nest = async () => $transaction(async (nested) => nested.account.create(account("a")));
      go();
      await elsewhere;
      return undo();
    });
    await expect(undone).rejects.toBeInstanceOf(Undo);
    expect(await accountIds(database)).toEqual([]);
  });

  it("holds for the transactions of leased runs, and for calls without a key", async () => {
    await using database = await open();
    const idempotency = createIdempotency({ prisma: database.prisma, guard: "throw" });
    const write = async () => void (await database.prisma.account.create(account("a")));
    await expect(
      idempotency.runLeased(request("k"), async ({ transaction }) => transaction("t", write)),
    ).rejects.toBeInstanceOf(UncoveredWriteError);
    await expect(idempotency.runUnkeyed(write)).rejects.toThrow("the handler of a call without a key writes");
    await expect(idempotency.runUnkeyed(write)).rejects.toThrow(
      "Write through tx, through join(client), or through a client that withAmbientTransaction returned",
    );
  });
});

describe.each(databases.filter(({ name }) => name === "postgresql"))("the guard on $name", ({ open }) => {
  it.each(READS)("lets a read through the root client pass: %s", async (_, read) => {
    await using database = await open();
    const idempotency = createIdempotency({ prisma: database.prisma, guard: "throw" });
    const run = idempotency.run(request("k"), async () => void (await read(database.prisma)));
    await expect(run).resolves.toMatchObject({ replayed: false });
  });

  it("tells of each place of the application where a library of its writes", async () => {
    await using database = await open();
    const folder = await mkdtemp(join(tmpdir(), "onceonly-guard-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const library = join(folder, "node_modules", "audit", "index.mjs");
    await mkdir(dirname(library), { recursive: true });
    await writeFile(library, "export const write = async (client, row) => client.account.create(row);\n");
    const { write } = (await import(/* @vite-ignore */ pathToFileURL(library).href)) as {
      write: (client: TestClient, row: object) => Promise<unknown>;
    };
    const { prisma } = database;
    const idempotency = createIdempotency({ prisma, guard: "warn" });
    const warnings = await warningsDuring(async () => {
      await idempotency.run(request("a"), async () => void (await write(prisma, account("a"))));
      await idempotency.run(request("b"), async () => void (await write(prisma, account("b"))));
    });
    expect(warnings.map(({ cause }) => (cause as UncoveredWriteError).callSite)).toEqual([
      expect.stringMatching(/guard\.test\.ts:\d+:\d+$/),
      expect.stringMatching(/guard\.test\.ts:\d+:\d+$/),
    ]);
  });

  it('"warn" tells of each place once, and the write is made', async () => {
    await using database = await open();
    const idempotency = createIdempotency({ prisma: database.prisma, guard: "warn" });
    const write = (id: string) => database.prisma.account.create(account(id));
    const warnings = await warningsDuring(async () => {
      for (const id of ["a", "b"]) {
        await idempotency.run(request(id), async () => void (await write(id)));
      }
      await idempotency.run(
        request("c"),
        async () => void (await database.prisma.account.create(account("c"))),
      );
    });
    expect(warnings.map(({ name }) => name)).toEqual(["OnceonlyGuardWarning", "OnceonlyGuardWarning"]);
    expect(warnings.map(({ cause }) => (cause as UncoveredWriteError).callSite)).toEqual([
      expect.stringMatching(/guard\.test\.ts:\d+:\d+$/),
      expect.stringMatching(/guard\.test\.ts:\d+:\d+$/),
    ]);
    expect(await database.query('SELECT id FROM "Account"')).toHaveLength(3);
  });

  it.each<[NODE_ENV: string, guard: GuardMode | undefined, warns: boolean]>([
    ["development", undefined, true],
    ["test", undefined, true],
    ["", undefined, true],
    ["production", undefined, false],
    ["production", "warn", true],
    ["development", "off", false],
  ])("in NODE_ENV %j with guard %s warns: %s", async (env, guard, warns) => {
    vi.stubEnv("NODE_ENV", env);
    await using database = await open();
    const idempotency = createIdempotency({ prisma: database.prisma, ...(guard && { guard }) });
    const warnings = await warningsDuring(() =>
      idempotency.run(request("k"), async () => void (await database.prisma.account.create(account("a")))),
    );
    expect(warnings).toHaveLength(warns ? 1 : 0);
  });

  it("that was given last counts, for all clients of one engine; none given leaves it", async () => {
    await using database = await open();
    const prisma = withAmbientTransaction(database.prisma, { guard: "warn" });
    const idempotency = createIdempotency({ prisma, guard: "throw" });
    createIdempotency({ prisma: database.prisma });
    withAmbientTransaction(database.prisma);
    const write = () =>
      idempotency.run(request("k"), async () => void (await database.prisma.account.create(account("a"))));
    await expect(write()).rejects.toBeInstanceOf(UncoveredWriteError);
    withAmbientTransaction(database.prisma, { guard: "off" });
    await write();
  });

  it("refuses to be asked for where the client cannot be watched, and else says so once", async () => {
    await using database = await open();
    const later: TestClient = pretending(database.prisma, {
      _originalClient: undefined,
      _executeRequest: undefined,
    });
    expect(() => createIdempotency({ prisma: later, guard: "throw" })).toThrow(
      /option guard .*"throw".* give "off": this version of Prisma does not let writes be watched/,
    );
    const warnings = await warningsDuring(async () => {
      createIdempotency({ prisma: later });
      createIdempotency({ prisma: later });
    });
    expect(warnings.map(({ name, message }) => [name, message])).toEqual([
      [
        "OnceonlyGuardWarning",
        expect.stringContaining("this version of Prisma does not let writes be watched"),
      ],
    ]);
    const asked = warningsDuring(async () => createIdempotency({ prisma: later, guard: "off" }));
    expect(await asked).toEqual([]);
  });

  it("reports a batch by an extension of the application that is under the ambient client", async () => {
    await using database = await open();
    const base = database.prisma;
    const secured = base.$extends({
      query: {
        $allModels: {
          async $allOperations({ args, query }) {
            const [, result] = await base.$transaction([base.$executeRaw`SELECT 1`, query(args)]);
            return result;
          },
        },
      },
    });
    const prisma = withAmbientTransaction(secured);
    const idempotency = createIdempotency({ prisma, guard: "throw" });
    await expect(
      idempotency.run(request("k"), async () => void (await prisma.account.create(account("a")))),
    ).rejects.toBeInstanceOf(UncoveredWriteError);
    expect(await accountIds(database)).toEqual([]);
  });
});
