import type { Statement, Write } from "../sql/dialect/statement.ts";
import type { SqlClient } from "../sql/sql-client.ts";
import type { RawClient } from "./client/client.ts";
import { outsideHandlers } from "./handler/scope.ts";

/** Sends our own statements in one transaction of a Prisma client. They belong to no handler. */
export class PrismaSql implements SqlClient {
  readonly #raw: RawClient;

  constructor(raw: RawClient) {
    this.#raw = raw;
  }

  rowsOf<TRow>({ text, values }: Statement): Promise<TRow[]> {
    return outsideHandlers(async () => this.#raw.$queryRawUnsafe<TRow[]>(text, ...values));
  }

  affectedRowsOf({ text, values }: Write): Promise<number> {
    return outsideHandlers(async () => this.#raw.$executeRawUnsafe(text, ...values));
  }

  inTransaction<T>(work: (sql: PrismaSql) => Promise<T>): Promise<T> {
    return work(this);
  }
}
