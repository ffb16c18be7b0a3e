import type { Answer, Outcome } from "../driver/client.ts";
import type { Database } from "../driver/database.ts";

/** `order 7`, or the error's code. */
export function outcomeText({ order, error }: Outcome): string {
  return order === undefined ? `error ${error}` : `order ${idOf(order)}`;
}

/** `200 order 7, marked as replayed`. */
export function answerText(answer: Answer): string {
  return `${answer.status} ${outcomeText(answer)}${answer.replayed ? ", marked as replayed" : ""}`;
}

export function idOf(order: string | undefined): number | undefined {
  return order === undefined ? undefined : (JSON.parse(order) as { id: number }).id;
}

/** The orders that came since the last look, and the records of `keys`. */
export async function lookInto(database: Database, ...keys: string[]) {
  const orders = await database.newOrders();
  const records = await database.recordsOf(keys);
  const text = `${counted(orders.length, "new order")}, ${counted(records.length, "record")}`;
  return { orders, records, text };
}

function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}
