import { createIdempotency, type TransactionOf } from "../../src/index.ts";
import { type ConsumeOptions, consumeOnce } from "../../src/messages/index.ts";
import type { TestClient } from "../support/clients.ts";
import type { TestDatabase } from "../support/database.ts";

export type Transaction = TransactionOf<TestClient>;

/** What the tests send: which order to ship. */
export interface Message {
  id?: string | undefined;
  body: string;
  deliveries?: number;
}

export type Options = ConsumeOptions<Transaction, Message>;

export const ship = (tx: Transaction, body: string, by = "ada") =>
  tx.order.create({ data: { key: body, customer: by, item: "crate", quantity: 1, total: "1", big: 1n } });

/** Ships what a message says. `before` may fail. */
export function shipping(
  prisma: TestClient,
  options: Partial<Options> = {},
  before: (message: Message) => unknown = () => {},
) {
  const idempotency = createIdempotency({ prisma });
  return consumeOnce({ idempotency, consumer: "shipping", id: ({ id }: Message) => id, ...options })(
    async (message: Message, { tx }) => {
      await ship(tx, message.body);
      await before(message);
    },
  );
}

/** Keeps the message as an order of the customer "poison". */
export const keepPoison: NonNullable<Options["onPoison"]> = async (message, { tx, reason }) => {
  await ship(tx, `${reason}: ${message?.body}`, "poison");
};

export async function shipped(database: TestDatabase): Promise<string[]> {
  const rows = await database.query(`SELECT key FROM "Order" ORDER BY key`);
  return rows.map(({ key }) => String(key));
}
