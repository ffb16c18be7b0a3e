/** The handlers: the same writes for every contender, through Prisma and, for the one below it, in SQL. */
import { randomUUID } from "node:crypto";
import { ACCOUNTS, type RawSession, type Tx } from "./databases/database.ts";

export type WorkName = "one" | "four";

/** What the mutation answers: the row of the order. */
export interface Placed {
  readonly id: string;
  readonly key: string;
  readonly createdAt: unknown;
}

export interface Work {
  readonly name: WorkName;
  /** Called before the first write. */
  readonly begin?: () => Promise<void>;
  /** Called as soon as the writes are committed, where the contender's design lets the application know. */
  readonly committed?: () => Promise<void>;
}

export function workOf(name: WorkName, hooks: Pick<Work, "begin" | "committed"> = {}): Work {
  return { name, ...hooks };
}

const QUANTITY = 2;
const CENTS = 1_250;

/**
 * Hooks of works that go through a contender which wants plain data as arguments. Those without hooks are not kept: a
 * duplicate may end before the first has begun.
 */
export class HookedWorks {
  readonly #works = new Map<string, Work>();

  keep(key: string, work: Work): void {
    if (work.begin !== undefined || work.committed !== undefined) this.#works.set(key, work);
  }

  of(key: string, name: WorkName): Work {
    return this.#works.get(key) ?? workOf(name);
  }
}

export async function place(tx: Tx, key: string, work: Work): Promise<Placed> {
  if (work.begin !== undefined) await work.begin();
  const item = "book";
  const order = await tx.order.create({
    data: { key, customer: "ada", item, quantity: QUANTITY, cents: CENTS },
  });
  if (work.name === "one") return order;
  await tx.payment.create({ data: { orderId: order.id, cents: CENTS } });
  await tx.movement.create({ data: { orderId: order.id, item, quantity: -QUANTITY } });
  await tx.account.update({ where: { id: anyAccount() }, data: { balance: { decrement: CENTS } } });
  return order;
}

/** The statements that Prisma makes of `place`. */
export async function placeRaw(session: RawSession, key: string, work: Work): Promise<Placed> {
  if (work.begin !== undefined) await work.begin();
  const id = randomUUID();
  const createdAt = new Date().toISOString();
  const [order] = await session.query(
    `INSERT INTO "Order" ("id", "key", "customer", "item", "quantity", "cents", "createdAt")
     VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *`,
    [id, key, "ada", "book", QUANTITY, CENTS, createdAt],
  );
  if (work.name === "four") {
    await session.query(`INSERT INTO "Payment" ("id", "orderId", "cents") VALUES ($1, $2, $3) RETURNING *`, [
      randomUUID(),
      id,
      CENTS,
    ]);
    await session.query(
      `INSERT INTO "Movement" ("id", "orderId", "item", "quantity") VALUES ($1, $2, $3, $4) RETURNING *`,
      [randomUUID(), id, "book", -QUANTITY],
    );
    await session.query(`UPDATE "Account" SET "balance" = "balance" - $1 WHERE "id" = $2 RETURNING *`, [
      CENTS,
      anyAccount(),
    ]);
  }
  return { id, key, createdAt: order?.["createdAt"] };
}

const anyAccount = () => `a${Math.floor(Math.random() * ACCOUNTS)}`;
