import { type ColumnDefinition, Remedies } from "../dialect/remedies.ts";

const TEXT: ColumnDefinition = { type: "TEXT", rest: "NOT NULL" };
const TIME: ColumnDefinition = { type: "DATETIME", rest: "NOT NULL" };
const NOW: ColumnDefinition = { type: "DATETIME", rest: "NOT NULL DEFAULT CURRENT_TIMESTAMP" };

/** As in prisma/sqlite/idempotency.sql. */
export const remediesOfSqlite: Remedies = new Remedies({
  record: {
    id: TEXT,
    scope: TEXT,
    operation: TEXT,
    key: TEXT,
    fingerprint: TEXT,
    status: TEXT,
    owner: TEXT,
    attempt: { type: "INTEGER", rest: "NOT NULL DEFAULT 1" },
    lockedUntil: { type: "DATETIME" },
    response: { type: "TEXT" },
    input: { type: "TEXT" },
    createdAt: NOW,
    completedAt: { type: "DATETIME" },
    expiresAt: TIME,
  },
  step: { recordId: TEXT, name: TEXT, recordCreatedAt: TIME, response: TEXT, createdAt: NOW },
  quoteMark: '"',
  schemaSaysAll: true,
  nameLength: Infinity,
  // https://www.sqlite.org/lang_altertable.html
  altersFreely: false,
});
