/** Names of tables and columns that would break out of the SQL around them. */
import { describe, expect, test } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { orderOf, placing, request } from "../support/runs.ts";

const HOSTILE = [
  'x" WHERE 1=1; DROP TABLE "Order"; --',
  "x` WHERE 1=1; DROP TABLE `Order`; -- `",
  "it's",
  "back\\slash\\",
  "$1 $2 $$ $a$ ? ?1 :a @a",
  "/* -- */ ; --",
  "line\nbreak\ttab",
  "select",
  "user",
  "é漢字",
  " ",
  "n".repeat(63),
];

const quoted = ({ provider }: TestDatabase, name: string): string => {
  const mark = provider === "mariadb" ? "`" : '"';
  return mark + name.replaceAll(mark, mark + mark) + mark;
};

/** The shipped tables under other names: each table and column, and its key and its result. */
async function rename(db: TestDatabase, name: string) {
  const names = { table: name, key: `${name.slice(0, 60)}k`, response: `${name.slice(0, 60)}r` };
  // Not by the side connection, which translates names for MariaDB.
  const execute = (sql: string) => db.prisma.$executeRawUnsafe(sql);
  await execute(`ALTER TABLE idempotency_record RENAME TO ${quoted(db, names.table)}`);
  for (const column of ["key", "response"] as const) {
    await execute(
      `ALTER TABLE ${quoted(db, names.table)} RENAME COLUMN ${quoted(db, column)} TO ${quoted(db, names[column])}`,
    );
  }
  const step = `${name.slice(0, 60)}s`;
  await execute(`ALTER TABLE idempotency_step RENAME TO ${quoted(db, step)}`);
  return {
    record: { table: names.table, columns: { key: names.key, response: names.response } },
    step: { table: step },
  };
}

describe.each(databases)("a name on $name", ({ open, name: provider }) => {
  // MariaDB takes no name that ends with a space, and none with characters beyond the first 65,536.
  const usable = provider === "mariadb" ? HOSTILE.filter((name) => name.trim() !== "") : [...HOSTILE, "😀"];

  test.each(usable)("that is %j is that name in every statement", async (name) => {
    await using db = await open();
    const models = await rename(db, name);
    const idempotency = createIdempotency({ prisma: db.prisma, models, storeInput: true });
    const asked = { operation: "orders.place", scope: "u", key: "k" };
    const place = placing("k");
    for (const replayed of [false, true]) {
      expect(await idempotency.run(request("k"), place)).toMatchObject({ replayed });
    }
    const leased = () =>
      idempotency.runLeased(request("l"), async ({ step, transaction }) => {
        await transaction("order", ({ tx }) => tx.order.create({ data: orderOf("l") }));
        return step("s", () => 1);
      });
    expect([(await leased()).value, (await leased()).replayed]).toEqual([1, true]);
    expect(await idempotency.check()).toEqual([]);
    expect((await idempotency.list()).records).toHaveLength(2);
    expect((await idempotency.list({ key: "k", state: "completed" })).records).toHaveLength(1);
    expect(await idempotency.stats()).toMatchObject({ inProgress: 0 });
    expect(await idempotency.countByOperation()).toMatchObject([{ completed: 2 }]);
    expect(await idempotency.inspect(asked)).toMatchObject({ state: "completed" });
    expect(await idempotency.forget(asked)).toBe("forgotten");
    expect(await idempotency.prune()).toBe(0);
    expect(await db.countOrders()).toBe(2);
  });

  test("with NUL, which ends a text, is refused", async () => {
    await using db = await open();
    const table = 'x\0"; DROP TABLE "Order"; --';
    expect(() => createIdempotency({ prisma: db.prisma, models: { record: { table } } })).toThrow(
      "option models.record.table",
    );
  });
});
