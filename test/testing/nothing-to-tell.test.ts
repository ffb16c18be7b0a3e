/** What the kit refuses to judge, and what it cannot be told. */
import { AssertionError } from "node:assert";
import { setImmediate as turn } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  ExactlyOnceError,
  type ExpectOptions,
  expectExactlyOnce,
  type Mutation,
} from "../../src/testing/index.ts";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { idempotencyOf, order, request, right, type Shop } from "./mutations.ts";

let db: TestDatabase;
let shop: Shop;
beforeAll(async () => {
  db = await openSqlite();
  shop = { prisma: db.prisma, mails: [], counted: 0 };
  place = right["two writes through tx"]!(shop);
});
afterAll(() => db[Symbol.asyncDispose]());

let place: Mutation;
const orders = async () => ({ orders: await db.countOrders() });

async function failureOf(mutation: Mutation, options: Partial<ExpectOptions> = {}): Promise<Error> {
  return expectExactlyOnce(mutation, { observe: orders, settleMs: 1, ...options }).then(
    () => {
      throw new Error("it was green");
    },
    (error: Error) => error,
  );
}

it("refuses a mutation that observe does not see", async () => {
  const error = await failureOf(place, { observe: () => ({ mails: shop.mails }) });
  expect(error).toBeInstanceOf(AssertionError);
  expect(error).not.toBeInstanceOf(ExactlyOnceError);
  expect(error.message).toMatch(
    /^onceonly: observe\(\) returned the same before and after one execution, [^.]*\.$/,
  );
});

it("refuses a mutation that never reaches onceonly, and says what it failed with", async () => {
  const past: Mutation = ({ key }) => db.prisma.order.create(order(key));
  expect((await failureOf(past)).message).toMatch(/^onceonly: the mutation never reached onceonly: /);
  const failing: Mutation = () => Promise.reject(new Error("no such route"));
  expect((await failureOf(failing)).message).toMatch(/failed with: Error: no such route$/);
});

it("does not take the runs of others for its own", async () => {
  const idempotency = idempotencyOf(shop);
  const over = new AbortController();
  const others = (async () => {
    for (let n = 0; !over.signal.aborted; n += 1) {
      // The driver of SQLite gives way to no timer.
      await turn();
      const call = { key: `other ${n}`, attempt: 1, caller: "eve" };
      await idempotency.run(request(call), ({ tx }) =>
        tx.account.create({ data: { id: call.key, balance: 1 } }),
      );
    }
  })();
  const report = await expectExactlyOnce(place, { observe: orders, settleMs: 1 }).finally(() => over.abort());
  await others;
  expect(report).toMatchObject({ oneExecution: { orders: 1 }, statements: 2 });
});

it("refuses what changes by another amount each time", async () => {
  let seen = 0;
  const observe = () => {
    seen += 1;
    return { looks: seen * seen };
  };
  expect((await failureOf(place, { observe })).message).toMatch(
    /^onceonly: two executions do not change looks by the same amount \(\+3, then \+7\), so nothing can be told from it; /,
  );
});

it("says that a mutation fails, with its error", async () => {
  const idempotency = idempotencyOf(shop);
  const error = await failureOf((call) =>
    idempotency.run(request(call), async () => {
      throw new Error("sold out");
    }),
  );
  expect(error).toBeInstanceOf(ExactlyOnceError);
  expect(error.message).toContain("Called once, the mutation fails with: Error: sold out");
});

it("looks into objects, counts arrays by their length, and adds nothing of its own", async () => {
  const accounts = () => db.prisma.account.findMany();
  const observe = async () => ({
    shop: { orders: await db.countOrders(), accounts: await accounts() },
    big: 1n,
  });
  const prepared: string[] = [];
  const report = await expectExactlyOnce(place, {
    observe,
    settleMs: 1,
    leaveOut: ["kill", "failing statement"],
    prepare: ({ key }) => prepared.push(key),
  });
  expect(report.oneExecution).toEqual({ "shop.orders": 1, "shop.accounts": 1, big: 0 });
  expect(report.tried).toEqual(["double", "race", "impatient retry", "kill after COMMIT"]);
  // Two single calls, and once for each scenario.
  expect(new Set(prepared).size).toBe(6);
});

it.each<[unknown, RegExp]>([
  [{}, /option observe is of type undefined; give a function such as async \(\) => \(\{ orders/],
  [{ observe: orders, racers: 1 }, /option racers is of type number \(1\); give an integer from 2 to 100/],
  [{ observe: orders, settleMs: -1 }, /option settleMs is of type number \(-1\)/],
  [{ observe: orders, prepare: "x" }, /option prepare is of type string/],
  [
    { observe: orders, callers: ["a", "a"] },
    /option callers is of type array; give an array of two different names/,
  ],
  [
    { observe: orders, leaveOut: ["kills"] },
    /option leaveOut is of type array; give an array with some of "double"/,
  ],
  [{ observe: orders, scenarios: [] }, /there is no option scenarios/],
])("refuses the options %o", async (options, message) => {
  await expect(expectExactlyOnce(place, options as ExpectOptions)).rejects.toThrow(message);
});

it.each<[unknown, RegExp]>([
  ["three", /observe\(\) returned string; give numbers, arrays/],
  [{ at: new Date() }, /observe\(\) returned an object of class Date as at; give/],
  [{ orders: Number.NaN }, /observe\(\) returned number as orders/],
  [{ orders: undefined }, /observe\(\) returned undefined as orders/],
])("refuses the state %o", async (state, message) => {
  await expect(expectExactlyOnce(place, { observe: () => state })).rejects.toThrow(message);
});

it("refuses what is no mutation", async () => {
  await expect(expectExactlyOnce(undefined as never, { observe: orders })).rejects.toThrow(
    /the first argument\) is of type undefined; give the mutation: a function such as/,
  );
});
