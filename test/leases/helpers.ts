import type { LeaseContext } from "../../src/core/contract/idempotency.ts";
import type { RunOptions } from "../../src/core/contract/options/options.ts";
import { createIdempotency } from "../../src/create-idempotency.ts";
import type { TransactionOf } from "../../src/prisma/client/client.ts";
import type { TestClient } from "../support/clients.ts";
import type { TestDatabase } from "../support/database.ts";

export type Tx = TransactionOf<TestClient>;
export type Context = LeaseContext<Tx>;

export const leasing = (prisma: TestClient, options: RunOptions = {}) =>
  createIdempotency({ prisma, ...options });

/** A request of user "u" for the operation "orders.pay". */
export const paying = (key: string, more: object = {}) => ({
  operation: "orders.pay",
  scope: "u",
  key,
  ...more,
});

/** An outside service that remembers which keys it was called with. */
export function service() {
  const calls: string[] = [];
  return {
    calls,
    call: ({ key }: { key: string }) => {
      calls.push(key);
      return `paid ${calls.length}`;
    },
  };
}

/** Writes an account, which two executions would write twice: it has no unique column but its id. */
export const deposit = (tx: Tx, id: string) => tx.account.create({ data: { id, balance: 1 } });

/** Has every lease lapse, as if its executor had died some time ago. */
export async function lapse(db: TestDatabase): Promise<void> {
  await db.query(
    db.provider === "sqlite"
      ? "UPDATE idempotency_record SET locked_until = '2000-01-01T00:00:00.000+00:00' WHERE locked_until IS NOT NULL"
      : "UPDATE idempotency_record SET locked_until = '2000-01-01' WHERE locked_until IS NOT NULL",
  );
}

export async function recordOf(db: TestDatabase, key: string): Promise<Record<string, unknown>> {
  const rows = await db.query(`SELECT * FROM idempotency_record WHERE key = ${db.placeholder(1)}`, [key]);
  return rows[0] ?? {};
}

export const stepsOf = async (db: TestDatabase): Promise<unknown[]> =>
  (await db.query("SELECT name FROM idempotency_step ORDER BY created_at, name")).map(({ name }) => name);

export const countAccounts = async (db: TestDatabase): Promise<number> =>
  Number((await db.query('SELECT count(*) AS n FROM "Account"'))[0]?.["n"]);
