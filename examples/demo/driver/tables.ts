import type { Database } from "./database.ts";
import { heading, table } from "./print.ts";

export async function showTables(database: Database): Promise<void> {
  heading("The table of orders");
  const orders = await database.orders();
  table(orders.map(({ placedAt, ...order }) => ({ ...order, placedAt: placedAt.toISOString() })));

  heading("The table of records");
  const records = await database.records();
  table(
    records.map(({ scope, operation, key, status, attempt, response }) => ({
      scope,
      operation,
      key,
      status,
      attempt,
      response: `${response?.length ?? 0} characters`,
    })),
  );
}
