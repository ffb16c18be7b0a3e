import { type ColumnDefinition, Remedies } from "../dialect/remedies.ts";

const TEXT: ColumnDefinition = { type: "TEXT", rest: "NOT NULL" };
const TIME: ColumnDefinition = { type: "TIMESTAMPTZ(3)", rest: "NOT NULL" };
const NOW: ColumnDefinition = { type: "TIMESTAMPTZ(3)", rest: "NOT NULL DEFAULT CURRENT_TIMESTAMP" };

/** As in prisma/postgresql/idempotency.sql. */
export const remediesOfPostgresql: Remedies = new Remedies({
  record: {
    id: TEXT,
    scope: TEXT,
    operation: TEXT,
    key: TEXT,
    fingerprint: TEXT,
    status: TEXT,
    owner: TEXT,
    attempt: { type: "INTEGER", rest: "NOT NULL DEFAULT 1" },
    lockedUntil: { type: "TIMESTAMPTZ(3)" },
    response: { type: "TEXT" },
    input: { type: "TEXT" },
    createdAt: NOW,
    completedAt: { type: "TIMESTAMPTZ(3)" },
    expiresAt: TIME,
  },
  step: { recordId: TEXT, name: TEXT, recordCreatedAt: TIME, response: TEXT, createdAt: NOW },
  quoteMark: '"',
  schemaSaysAll: true,
  nameLength: 63,
  // A time without a zone is read in that of the session, as it was written.
  retyping: (table, column, { type }) =>
    `ALTER TABLE ${table} ALTER COLUMN ${column} TYPE ${type} USING ${column}::${type}`,
  altersFreely: true,
});
