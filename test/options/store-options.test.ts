import { describe, expect, test } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { databases } from "../support/database.ts";
import { idempotencyOf, pretending, request } from "../support/runs.ts";

const create = (options: unknown) => createIdempotency(options as Parameters<typeof createIdempotency>[0]);

const wrong: [string, unknown][] = [
  ["null", null],
  ["boolean", true],
  ["number", 5],
  ["string", "postgresql://localhost"],
  ["array", []],
  ["object", {}],
  ["function", () => ({})],
];

describe("createIdempotency", () => {
  test.each([["undefined", undefined], ...wrong.slice(0, 4)])(
    "refuses %s as its argument",
    (type, options) => {
      expect(() => create(options)).toThrow(TypeError);
      expect(() => create(options)).toThrow(`is of type ${type}`);
      expect(() => create(options)).toThrow("an object such as { prisma }");
    },
  );

  test.each([["undefined", undefined], ...wrong])("refuses %s as prisma", (type, prisma) => {
    expect(() => create({ prisma })).toThrow(TypeError);
    expect(() => create({ prisma })).toThrow(`onceonly: option prisma is of type ${type}`);
    expect(() => create({ prisma })).toThrow("your generated PrismaClient");
  });
});

test("a client in place of the options is told where it belongs", async () => {
  const [first] = databases;
  await using db = await (first as (typeof databases)[number]).open();
  expect(() => create(db.prisma)).toThrow("give it as option prisma: createIdempotency({ prisma })");
});

describe.each(databases)("createIdempotency on $name", ({ name, open }) => {
  test("refuses a transaction instead of a client: it would be over before the first run", async () => {
    await using db = await open();
    await db.prisma.$transaction(async (tx) => {
      expect(() => create({ prisma: tx })).toThrow(TypeError);
      expect(() => create({ prisma: tx })).toThrow("not one of its transactions");
    });
  });

  test("refuses a provider that it does not support, and says which it does", async () => {
    await using db = await open();
    for (const provider of ["mysql", "postgres", "", null, 5]) {
      expect(() => create({ prisma: db.prisma, provider })).toThrow(TypeError);
      expect(() => create({ prisma: db.prisma, provider })).toThrow("option provider");
      expect(() => create({ prisma: db.prisma, provider })).toThrow('"mariadb" or "postgresql" or "sqlite"');
    }
    for (const provider of ["sqlserver", "cockroachdb", undefined]) {
      const other = pretending(db.prisma, { _activeProvider: provider });
      expect(() => create({ prisma: other })).toThrow(TypeError);
      expect(() => create({ prisma: other })).toThrow("supported are mariadb, postgresql, sqlite");
    }
  });

  test("refuses names of tables and columns that are none", async () => {
    await using db = await open();
    const cases: [string, unknown][] = [
      ["models", "records"],
      ["models", null],
      ["models.record", 5],
      ["models.record.table", 5],
      ["models.record.table", ""],
      ["models.record.schema", {}],
      ["models.record.columns", "id"],
      ["models.record.columns.id", 7],
    ];
    for (const [option, value] of cases) {
      const options = option
        .split(".")
        .toReversed()
        .reduce((inner: unknown, part) => ({ [part]: inner }), value) as object;
      expect(() => create({ prisma: db.prisma, ...options })).toThrow(TypeError);
      expect(() => create({ prisma: db.prisma, ...options })).toThrow(
        `onceonly: option ${option} is of type`,
      );
    }
  });

  test("checks the options of runs at once, not at the first run", async () => {
    await using db = await open();
    expect(() => create({ prisma: db.prisma, waitMs: "3s" })).toThrow(
      "onceonly: option waitMs is of type string",
    );
  });

  test("touches the database only at the first run", async () => {
    await using db = await open();
    const statements: string[] = [];
    const idempotency = idempotencyOf(await db.connect({ log: (text) => statements.push(text) }));
    expect(statements).toEqual([]);
    await idempotency.run(request("k"), async () => 1);
    expect(statements).not.toEqual([]);
    expect(name).toBe(db.provider);
  });

  test("lets a run override what was set for all, and a call without a key too", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { resultBytesMax: 20, transaction: { timeoutMs: 60_000 } });
    const long = async () => "x".repeat(50);
    await expect(idempotency.run(request("k"), long)).rejects.toMatchObject({ code: "RESULT_UNSTORABLE" });
    expect((await idempotency.run(request("k", { resultBytesMax: 100 }), long)).value).toHaveLength(50);
    const slow = () => new Promise((resolve) => setTimeout(resolve, 200));
    await expect(idempotency.runUnkeyed(slow, { transaction: { timeoutMs: 20 } })).rejects.toMatchObject({
      code: "P2028",
    });
    await expect(idempotency.runUnkeyed(slow, { waitMs: -1 })).rejects.toThrow("option waitMs");
  });

  test("takes the time-outs that the client was made with, and those of the run before them", async () => {
    await using db = await open();
    const Client = db.prisma.constructor as new (options: object) => typeof db.prisma;
    const adapter: unknown = Reflect.get(Reflect.get(db.prisma, "_engineConfig") as object, "adapter");
    const client = new Client({ adapter, transactionOptions: { timeout: 100 } });
    const idempotency = idempotencyOf(client, { waitMs: 0 });
    const slow = () => new Promise((resolve) => setTimeout(resolve, 400));
    await expect(idempotency.run(request("k"), slow)).rejects.toMatchObject({ code: "P2028" });
    await idempotency.run(request("k", { transaction: { timeoutMs: 5_000 } }), slow);
    await client.$disconnect();
  });
});
