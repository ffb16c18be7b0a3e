import { plainColumns } from "../dialect/plain-columns.ts";
import { Remedies } from "../dialect/remedies.ts";

/** As in prisma/sqlite/idempotency.sql. */
export const remediesOfSqlite: Remedies = new Remedies({
  ...plainColumns("DATETIME"),
  quoteMark: '"',
  schemaSaysAll: true,
  nameLength: Infinity,
  // https://www.sqlite.org/lang_altertable.html
  altersFreely: false,
});
