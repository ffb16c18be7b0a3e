/** The application of the race and chaos tests: places orders, and leaves rows that tell who executed what. */

import { isIdempotencyError } from "../../src/core/contract/errors/errors.ts";
import type { Idempotency } from "../../src/core/contract/idempotency.ts";
import { devalueCodec } from "../../src/core/contract/options/codec.ts";
import type { RunOptions } from "../../src/core/contract/options/options.ts";
import type { Store, StoreFault } from "../../src/core/contract/store.ts";
import { idempotencyOver } from "../../src/core/create.ts";
import type { TransactionOf } from "../../src/prisma/client/client.ts";
import { createPrismaStore } from "../../src/prisma/create-store.ts";
import type { TestClient } from "./clients.ts";
import { type Hit, withCrashPoints } from "./crash-points.ts";
import type { TestDatabase } from "./database.ts";

/** What an order's mutation answers: the row it wrote, and the executor that wrote it. */
export interface Order {
  orderId: string;
  by: string;
}

export interface Answer extends Order {
  key: string;
  replayed: boolean;
}

export type Tx = TransactionOf<TestClient>;

export interface ShopOptions {
  prisma: TestClient;
  /** Names the executor, in the rows it writes. */
  by: string;
  hit?: Hit;
  /** Told what the store makes of each error that ends a transaction. */
  onFault?: (fault: StoreFault | undefined) => void;
  run?: RunOptions;
}

export interface Shop {
  idempotency: Idempotency<Tx>;
  place(key: string, more?: PlaceOptions): Promise<Answer>;
}

export interface PlaceOptions extends RunOptions {
  input?: unknown;
  /** Runs inside the transaction, before the first write. */
  first?: (tx: Tx) => Promise<unknown>;
  /** Runs inside the transaction, after the last write. */
  last?: (tx: Tx) => Promise<unknown>;
}

/** An expected error, hence an answer. With it the runs take a savepoint. */
export class SoldOut extends Error {
  override readonly name = "SoldOut";
}

const orderData = (key: string, by: string) => ({
  key,
  customer: by,
  item: "book",
  quantity: 1,
  total: "12.50",
  big: 1n,
});

/** The two writes of the mutation: seen together or not at all. */
export async function writeOrder(tx: Tx, key: string, by: string): Promise<string> {
  const { id } = await tx.order.create({ data: orderData(key, by) });
  await tx.account.create({ data: { id, balance: 1 } });
  return id;
}

export function openShop({ prisma, by, hit = () => {}, onFault = () => {}, run }: ShopOptions): Shop {
  const store = withFaults(withCrashPoints(createPrismaStore({ prisma }), hit), onFault);
  const storeError = (error: unknown) => error instanceof SoldOut;
  const idempotency = idempotencyOver(store, { storeError, ...run });
  return {
    idempotency,
    async place(key, { first, last, ...more } = {}) {
      const { value, replayed } = await idempotency.run(
        { operation: "orders.place", scope: "u", key, ...more },
        async ({ tx }) => {
          await first?.(tx);
          const orderId = await writeOrder(tx, key, by);
          await hit("in the handler");
          await last?.(tx);
          return { orderId, by };
        },
      );
      return { ...value, key, replayed };
    },
  };
}

function withFaults<T>(store: Store<T>, onFault: (fault: StoreFault | undefined) => void): Store<T> {
  return {
    ...store,
    transaction: (limits, body) =>
      store.transaction(limits, body).catch((error: unknown) => {
        onFault(store.faultOf(error));
        throw error;
      }),
  };
}

/** The code of our own error, or the name and text of any other: what a worker can say over IPC. */
export function failureText(error: unknown): string {
  return isIdempotencyError(error) ? error.code : String(error);
}

/** Orders of one key, as committed. */
export async function ordersOf(database: TestDatabase, key: string): Promise<Order[]> {
  const rows = await database.query(
    `SELECT id AS "orderId", customer AS "by" FROM "Order" WHERE key = ${database.placeholder(1)}`,
    [key],
  );
  return rows as unknown as Order[];
}

/**
 * What stands in the database agrees with itself: each order has its second row and the record that answers with it,
 * and the other way round. Returns what does not; `[]` is right.
 */
export async function inconsistencies(database: Pick<TestDatabase, "query">): Promise<string[]> {
  const orders = await database.query('SELECT id, key FROM "Order"');
  const accounts = await database.query(`SELECT id FROM "Account" WHERE id <> 'gate'`);
  const records = await database.query("SELECT key, status, response FROM idempotency_record");
  const found: string[] = [];
  const answered = new Map<string, string>();
  for (const { key, status, response } of records) {
    if (status === "completed") answered.set(String(key), orderIdOf(String(response)));
    else if (status !== "failed") found.push(`record of ${String(key)} is ${String(status)}`);
  }
  const ids = new Map(orders.map(({ id, key }) => [String(id), String(key)]));
  if (new Set(ids.values()).size !== orders.length) found.push("a key has two orders");
  for (const [id, key] of ids) {
    if (answered.get(key) !== id) found.push(`order ${id} of ${key} is not its record's answer`);
  }
  for (const [key, id] of answered) {
    if (!ids.has(id)) found.push(`record of ${key} answers with an order that is not there`);
  }
  const accountIds = new Set(accounts.map(({ id }) => String(id)));
  if (accountIds.size !== ids.size || [...ids.keys()].some((id) => !accountIds.has(id))) {
    found.push("orders and accounts were not committed together");
  }
  return found;
}

function orderIdOf(response: string): string {
  const value = devalueCodec.decode(response.slice(response.indexOf(":") + 1)) as Partial<Order>;
  return value.orderId ?? "(none)";
}
