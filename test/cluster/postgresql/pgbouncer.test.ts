/** PostgreSQL behind PgBouncer in transaction mode: clients share the server's connections, one transaction at a time. */
import { describe, expect, it } from "vitest";
import { isIdempotencyError } from "../../../src/core/contract/errors/errors.ts";
import type { ClientOptions } from "../../support/clients.ts";
import { expire, failureOf, idempotencyOf, orderOf, placing, records, request } from "../../support/runs.ts";
import type { Tx } from "../../support/shop.ts";
import { openApplication } from "./application.ts";
import { openBehind as open } from "./behind-pgbouncer.ts";
import { namingPgbouncer } from "./programs.ts";
import { namer } from "./statement-names.ts";

const openBehind = (connections?: number, named?: number) => open({ port: 5530, connections, named });

/** Fewer than there are, so that it has to close some on the way. */
const NAMED_MAX = 3;
const knowsNoNames = namingPgbouncer() === undefined;

const WAYS = [
  { way: "messages shared", messages: "shared", named: 0 },
  { way: "messages one by one", messages: "one by one", named: 0 },
  { way: "messages shared, named statements", messages: "shared", named: NAMED_MAX },
  { way: "messages one by one, named statements", messages: "one by one", named: NAMED_MAX },
] as const;

const soldOut = { storeError: () => true };
const fail = () => Promise.reject(new Error("sold out"));

describe.each(WAYS)("$way", ({ messages, named }) => {
  const openWay = (url: string) => openApplication(url, { messages, ...(named > 0 && { nameOf: namer() }) });
  const isLeftOut = named > 0 && knowsNoNames;

  it.skipIf(isLeftOut)("60 keys, each from four callers of two processes, are 60 executions", async () => {
    await using behind = await openBehind(undefined, named);
    await using one = openWay(behind.url);
    await using other = openWay(behind.url);
    const keys = Array.from({ length: 60 }, (_, index) => `k${index}`);
    const placed = await Promise.all(
      keys.map((key) => Promise.all([one, other, one, other].map((app) => app.place(key)))),
    );
    expect(placed.map((ids) => new Set(ids).size)).toEqual(keys.map(() => 1));
    expect(await behind.db.countOrders()).toBe(60);
  });

  it.skipIf(isLeftOut)("leases, steps, stored errors and prune work", async () => {
    await using behind = await openBehind(undefined, named);
    await using app = openWay(behind.url);
    await using other = openWay(behind.url);
    expect([await app.idempotency.check(), await records(behind.db)]).toEqual([[], []]);
    let charges = 0;
    const leased = ({ idempotency }: typeof app) =>
      idempotency.runLeased(request("leased"), async ({ step, transaction }) => {
        await step("charge", () => {
          charges += 1;
        });
        return transaction(
          "order",
          async ({ tx }) => (await tx.order.create({ data: orderOf("leased") })).id,
        );
      });
    const [first, second] = [await leased(app), await leased(other)];
    expect([first.replayed, second, charges]).toEqual([false, { value: first.value, replayed: true }, 1]);
    await expect(app.idempotency.run(request("failed", soldOut), fail)).rejects.toThrow("sold out");
    const place = placing("failed");
    await expect(other.idempotency.run(request("failed", soldOut), place)).rejects.toThrow("sold out");
    expect([place.runs, (await records(behind.db)).length]).toEqual([0, 2]);
    await expire(behind.db);
    expect([await app.idempotency.prune(), await records(behind.db)]).toEqual([2, []]);
  });
});

/** What a run could leave to the next client of a connection. */
const LEFT = `SELECT current_setting('lock_timeout') AS lock_timeout,
  coalesce(current_setting('onceonly.lock_timeout', true), '') AS ours,
  (SELECT count(*)::int FROM pg_prepared_statements) AS prepared,
  (SELECT count(*)::int FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory') AS locks`;

type Application = ReturnType<typeof openApplication>;

const RUNS: readonly (readonly [string, (app: Application) => Promise<unknown>])[] = [
  ["a fresh key", (app) => app.place("fresh")],
  ["a replay", (app) => app.place("done")],
  [
    "a claim that waits for another in vain",
    (app) => app.idempotency.run(request("held", { waitMs: 0 }), fail),
  ],
  ["a handler that fails", (app) => app.idempotency.run(request("failing"), fail)],
  ["a stored error", (app) => app.idempotency.run(request("stored", soldOut), fail)],
  [
    "a handler whose statement fails",
    (app) => app.idempotency.run(request("broken"), ({ tx }) => tx.$executeRaw`SELECT 1 / 0`),
  ],
  ["a look at the set-up", (app) => app.idempotency.check()],
  ["a leased run", (app) => app.idempotency.runLeased(request("leased"), ({ step }) => step("a", () => 1))],
];

it.each(RUNS)("%s leaves nothing on the connection", async (_, run) => {
  await using behind = await openBehind(1);
  await using app = openApplication(behind.url);
  const direct = idempotencyOf(behind.db.prisma);
  await direct.run(request("done"), async () => ({ orderId: "1" }));
  await direct.run(request("held"), async () => {
    await run(app).catch(() => {});
    expect(await app.prisma.$queryRawUnsafe(LEFT)).toEqual([
      { lock_timeout: "0", ours: "", prepared: 0, locks: 0 },
    ]);
  });
});

/** A client whose statements have names, which PgBouncer does not know. */
const openNaming = (url: string, options: ClientOptions = {}) =>
  openApplication(url, { ...options, nameOf: namer() });

const misconfigured = {
  code: "STORE_MISCONFIGURED",
  retryable: false,
  message: expect.stringContaining("statementNameGenerator") as unknown,
};

const order = ({ tx }: { tx: Tx }) => tx.order.create({ data: orderOf("k") });
type Named = Application["idempotency"];

const NAMED: readonly (readonly [string, (idempotency: Named, key: string) => Promise<unknown>])[] = [
  ["in a handler", (idempotency, key) => idempotency.run(request(key), order)],
  ["of a handler without a key", (idempotency) => idempotency.runUnkeyed(order)],
  ["of a lease", (idempotency, key) => idempotency.runLeased(request(key), async () => 1)],
  ["of check()", (idempotency) => idempotency.check()],
  ["of prune()", (idempotency) => idempotency.prune()],
];

it.each(NAMED)(
  "named statements %s are told as a mistake of the set-up, which no retry cures",
  async (_, run) => {
    await using behind = await openBehind(1);
    await using one = openNaming(behind.url);
    await using other = openNaming(behind.url);
    // The name is taken on the one connection there is.
    await run(one.idempotency, "a");
    expect(await failureOf(run(other.idempotency, "b"))).toMatchObject(misconfigured);
  },
);

it("named statements of ours in a transaction, too", async () => {
  await using behind = await openBehind(1);
  await using one = openNaming(behind.url, { messages: "one by one" });
  await using other = openNaming(behind.url, { messages: "one by one" });
  await one.idempotency.run(request("a"), async () => 1);
  expect(await failureOf(other.idempotency.run(request("b"), async () => 1))).toMatchObject(misconfigured);
});

it.skipIf(knowsNoNames)(
  "named statements of two clients that share a connection are prepared there, and bear what fails on it",
  async () => {
    await using behind = await openBehind(1, NAMED_MAX);
    await using one = openNaming(behind.url);
    await using other = openNaming(behind.url);
    const ends: unknown[] = [];
    for (const [, run] of [...RUNS, ...RUNS]) {
      for (const app of [one, other]) ends.push(await run(app).catch((error: unknown) => error));
    }
    // What the handlers threw, and nothing of ours.
    expect(ends.filter(isIdempotencyError)).toEqual([]);
    for (const [, run] of NAMED) {
      for (const app of [one, other]) await run(app.idempotency, "k");
    }
    const prepared = await one.prisma.$queryRawUnsafe<{ name: string }[]>(
      "SELECT name FROM pg_prepared_statements",
    );
    expect(prepared).toHaveLength(NAMED_MAX);
    expect(prepared.filter(({ name }) => !name.startsWith("PGBOUNCER"))).toEqual([]);
  },
);
