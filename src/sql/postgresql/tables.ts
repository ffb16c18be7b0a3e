import { plainColumns } from "../dialect/plain-columns.ts";
import { Remedies } from "../dialect/remedies.ts";

/** As in prisma/postgresql/idempotency.sql. */
export const remediesOfPostgresql: Remedies = new Remedies({
  ...plainColumns("TIMESTAMPTZ(3)"),
  quoteMark: '"',
  schemaSaysAll: true,
  nameLength: 63,
  // A time without a zone is read in that of the session, as it was written.
  retyping: (table, column, { type }) =>
    `ALTER TABLE ${table} ALTER COLUMN ${column} TYPE ${type} USING ${column}::${type}`,
  altersFreely: true,
});
