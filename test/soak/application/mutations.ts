/** The mutations of the application, whatever they are reached by. */
import type { LeaseContext, StepContext } from "../../../src/index.ts";
import type { Tx } from "../../support/shop.ts";
import type { Receipt } from "../told.ts";

/** What a caller sends. */
export interface Wanted {
  readonly intent: string;
  readonly quantity: number;
  readonly isSoldOut: boolean;
}

/** The application's own expected error. Each adapter has a form of its own for it. */
export class SoldOut extends Error {
  override readonly name = "SoldOut";
}

/** Rows that all of a run's processes write to. */
export const STOCKS = 64;

/** Of the handlers, so many fail with an error that nobody expects, after they have written. */
const FAILING = 0.02;

const stockOf = (intent: string) => {
  let hash = 0;
  for (const letter of intent) hash = (hash * 31 + letter.charCodeAt(0)) % STOCKS;
  return `stock ${hash}`;
};

async function write(tx: Tx, { intent, quantity }: Wanted, by: string, item: string): Promise<Receipt> {
  const order = { key: intent, customer: by, item, quantity, total: "1", big: 1n };
  const { id: orderId } = await tx.order.create({ data: order });
  await tx.account.create({ data: { id: orderId, balance: quantity } });
  await tx.account.update({
    where: { id: stockOf(intent) },
    data: { balance: { decrement: quantity } },
  });
  if (Math.random() < FAILING) throw new Error("a mistake of the handler");
  return { orderId, by, quantity };
}

/** In one transaction: an order, its account, and the stock that it is taken from. */
export async function place(tx: Tx, wanted: Wanted, by: string): Promise<Receipt> {
  const receipt = await write(tx, wanted, by, "place");
  if (wanted.isSoldOut) throw new SoldOut("sold out");
  return receipt;
}

/** Asks the service for a charge, under the step's own key, and returns its id. @throws whatever is not a success. */
export type Charge = (intent: string, step: Pick<StepContext, "key" | "signal">) => Promise<string>;

/** In steps: a charge, which the service makes once for a key, and the order. */
export async function pay(
  { step, transaction }: Pick<LeaseContext<Tx>, "step" | "transaction">,
  wanted: Wanted,
  by: string,
  charge: Charge,
): Promise<Receipt> {
  if (wanted.isSoldOut) throw new SoldOut("sold out");
  const chargeId = await step("charge", (given) => charge(wanted.intent, given));
  return transaction("book", ({ tx }) => write(tx, wanted, by, chargeId));
}

export const ship = (tx: Tx, wanted: Wanted, by: string): Promise<Receipt> => write(tx, wanted, by, "ship");
