import { describe, expect, test } from "vitest";
import type { RunOptions } from "../../src/core/contract/options/options.ts";
import { createIdempotency } from "../../src/create-idempotency.ts";
import type { TestClient } from "../support/clients.ts";
import { databases, onPostgres, openPostgres } from "../support/database.ts";
import {
  failureOf,
  idempotencyOf,
  isPrisma6,
  orderOf,
  placing,
  pretending,
  request,
  underWay,
} from "../support/runs.ts";

/** Prisma 6 does not tell the schema of a model; that is what the option is for. */
function mapped(client: TestClient, options: RunOptions = {}) {
  const schema = isPrisma6(client) && Reflect.get(client, "_activeProvider") === "postgresql";
  return createIdempotency({
    prisma: client,
    ...options,
    ...(schema ? { models: { record: { schema: "infra" }, step: { schema: "infra" } } } : {}),
  });
}

describe.each(databases)("mapped names on $name", ({ open }) => {
  test("are read from the client: a table with a space, columns with spaces, capitals and reserved words", async () => {
    await using db = await open({ variant: "mapped" });
    const idempotency = mapped(db.prisma, { storeError: () => true });
    const place = placing("k");
    const first = await idempotency.run(request("k"), place);
    const second = await idempotency.run(request("k"), place);
    expect([second.replayed, second.value.id, place.runs]).toEqual([true, first.value.id, 1]);
    const fail = () => Promise.reject(new Error("sold out"));
    await idempotency.runSettled(request("f"), fail);
    expect(await idempotency.runSettled(request("f"), fail)).toMatchObject({
      status: "failed",
      replayed: true,
    });
    const rows = await db.prisma.idempotencyRecord.findMany({ orderBy: { key: "asc" } });
    expect(rows).toMatchObject([
      { key: "f", scope: "u", status: "failed", attempt: 1 },
      { key: "k", scope: "u", status: "completed", attempt: 1 },
    ]);
  });

  test("hold for taking over an expired record and for pruning", async () => {
    await using db = await open({ variant: "mapped" });
    const idempotency = mapped(db.prisma);
    const place = placing("k");
    const expire = () => db.prisma.idempotencyRecord.updateMany({ data: { expiresAt: new Date(0) } });
    await idempotency.run(request("k"), place);
    await expire();
    expect((await idempotency.run(request("k"), place)).replayed).toBe(false);
    await expire();
    expect([await idempotency.prune(), await db.prisma.idempotencyRecord.count()]).toEqual([1, 0]);
  });

  test("are those of what check() tries", async () => {
    await using db = await open({ variant: "mapped" });
    expect(await mapped(db.prisma).check()).toEqual([]);
  });

  test("may be given instead, for a client that does not tell", async () => {
    await using db = await open({ variant: "mapped" });
    const columns = {
      id: "record id",
      scope: "tenant",
      operation: "operation",
      key: "idempotency_key",
      fingerprint: "Fingerprint",
      status: "status",
      owner: "owner_token",
      attempt: "attempt",
      lockedUntil: "lockedUntil",
      input: "input",
      response: "select",
      createdAt: "created at",
      completedAt: "completed at",
      expiresAt: "expires at",
    };
    const schema = db.provider === "postgresql" ? { schema: "infra" } : {};
    const record = { table: "idempotency records", columns, ...schema };
    const stepColumns = {
      recordId: "of record",
      name: "step name",
      recordCreatedAt: "record made at",
      response: "result",
      createdAt: "made at",
    };
    const step = { table: "idempotency steps", columns: stepColumns, ...schema };
    const silent = pretending(db.prisma, { _runtimeDataModel: undefined, _activeProvider: undefined });
    expect(() => createIdempotency({ prisma: silent })).toThrow("give option provider");
    const idempotency = createIdempotency({
      prisma: silent,
      provider: db.provider,
      models: { record, step },
    });
    const place = placing("k");
    await idempotency.run(request("k"), place);
    expect((await idempotency.run(request("k"), place)).replayed).toBe(true);
    expect((await mapped(db.prisma).run(request("k"), place)).replayed).toBe(true);
  });

  test("may be given in part: the rest is read from the client", async () => {
    await using db = await open({ variant: "mapped" });
    const record = db.provider === "postgresql" ? { schema: "infra" } : { columns: { owner: "owner_token" } };
    const idempotency = createIdempotency({ prisma: db.prisma, models: { record } });
    await idempotency.run(request("k"), async () => 1);
    expect((await mapped(db.prisma).run(request("k"), async () => 2)).value).toBe(1);
  });

  test("are those of the shipped model, where neither client nor option tells", async () => {
    await using db = await open();
    const silent = pretending(db.prisma, { _runtimeDataModel: undefined });
    const idempotency = createIdempotency({ prisma: silent });
    const place = placing("k");
    await idempotency.run(request("k"), place);
    expect((await idempotencyOf(db.prisma).run(request("k"), place)).replayed).toBe(true);
  });

  test("that hold quotes cannot end the SQL around them", async () => {
    await using db = await open();
    const table = 'x" WHERE 1=1; DROP TABLE "Order"; --';
    const idempotency = createIdempotency({ prisma: db.prisma, models: { record: { table } } });
    const error = await failureOf(idempotency.run(request("k"), placing("k")));
    expect(error.code).toBe("STORE_MISCONFIGURED");
    expect(await db.countOrders()).toBe(0);
    const quoted = table.replaceAll('"', '""');
    const source = db.provider === "sqlite" ? "AS SELECT * FROM" : "(LIKE";
    const rest = db.provider === "sqlite" ? "" : " INCLUDING ALL)";
    await db.query(`CREATE TABLE "${quoted}" ${source} idempotency_record${rest}`);
    if (db.provider === "sqlite") await db.query(`CREATE UNIQUE INDEX u ON "${quoted}" (id)`);
    const place = placing("k");
    await idempotency.run(request("k"), place);
    expect((await idempotency.run(request("k"), place)).replayed).toBe(true);
    expect(await db.countOrders()).toBe(1);
  });
});

describe.runIf(onPostgres)("another schema on postgresql", () => {
  test("is found whatever the search path is, and its missing table is named with it", async () => {
    await using db = await openPostgres({ variant: "mapped" });
    const idempotency = mapped(await db.connect({ serverOptions: "-c search_path=nowhere -c TimeZone=UTC" }));
    await idempotency.run(request("k"), async () => 1);
    expect((await idempotency.run(request("k"), async () => 2)).replayed).toBe(true);
    await db.query('DROP TABLE infra."idempotency records"');
    const error = await failureOf(idempotency.run(request("k"), async () => 3));
    expect(error.message).toContain('"infra"."idempotency records"');
  });

  test("is where a duplicate of another process blocks, too", async () => {
    await using db = await openPostgres({ variant: "mapped" });
    const { place, first, openDoor } = await underWay(mapped(db.prisma));
    const second = mapped(await db.connect()).run(request("k"), place);
    await db.waitForBlockedBackend();
    openDoor();
    expect((await second).value.id).toBe((await first).value.id);
    expect(place.runs).toBe(1);
  });
});

describe.runIf(onPostgres)("the schema given to the adapter", () => {
  test("holds the records: two tenants on one database never see each other's", async () => {
    await using db = await openPostgres();
    const tenant = async (schema: string) => {
      await db.query(`CREATE SCHEMA ${schema}`);
      for (const table of ["idempotency_record", '"Order"']) {
        await db.query(`CREATE TABLE ${schema}.${table} (LIKE public.${table} INCLUDING ALL)`);
      }
      return idempotencyOf(await db.connect({ schema }));
    };
    const [a, b] = [await tenant("tenant_a"), await tenant("tenant_b")];
    await a.run(request("k"), async ({ tx }) => {
      await tx.order.create({ data: orderOf("k") });
      return "a";
    });
    expect(await b.run(request("k"), async () => "b")).toEqual({ value: "b", replayed: false });
    expect(await db.query("SELECT id FROM public.idempotency_record")).toEqual([]);
    expect(await db.query("SELECT id FROM tenant_a.idempotency_record")).toHaveLength(1);
  });
});
