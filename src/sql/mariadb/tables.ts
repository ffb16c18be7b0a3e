import { type ColumnDefinition, Remedies } from "../dialect/remedies.ts";

const ASCII = "CHARACTER SET ascii COLLATE ascii_nopad_bin";
const EXACT = "CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin";

const ascii = (length: number): ColumnDefinition => ({
  type: `VARCHAR(${length}) ${ASCII}`,
  rest: "NOT NULL",
});
const NAME: ColumnDefinition = { type: `VARCHAR(255) ${EXACT}`, rest: "NOT NULL" };
const LONG: ColumnDefinition = { type: `LONGTEXT ${EXACT}`, rest: "NULL" };
const TIME: ColumnDefinition = { type: "DATETIME(3)", rest: "NOT NULL" };
const NO_TIME: ColumnDefinition = { type: "DATETIME(3)", rest: "NULL" };
const NOW: ColumnDefinition = { type: "DATETIME(3)", rest: "NOT NULL DEFAULT CURRENT_TIMESTAMP(3)" };

/** As in prisma/mariadb/idempotency.sql. */
export const remediesOfMariadb: Remedies = new Remedies({
  record: {
    id: ascii(64),
    scope: { type: `MEDIUMTEXT ${EXACT}`, rest: "NOT NULL" },
    operation: NAME,
    key: NAME,
    fingerprint: ascii(64),
    status: ascii(16),
    owner: ascii(64),
    attempt: { type: "INTEGER", rest: "NOT NULL DEFAULT 1" },
    lockedUntil: NO_TIME,
    response: LONG,
    input: LONG,
    createdAt: NOW,
    completedAt: NO_TIME,
    expiresAt: TIME,
  },
  step: {
    recordId: ascii(64),
    name: NAME,
    recordCreatedAt: TIME,
    response: { ...LONG, rest: "NOT NULL" },
    createdAt: NOW,
  },
  quoteMark: "`",
  options: " ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
  schemaSaysAll: false,
  nameLength: 64,
  // A `timestamp` is read in the time zone of the session, as it was written.
  retyping: (table, column, { type, rest = "" }) =>
    `ALTER TABLE ${table} MODIFY COLUMN ${column} ${type} ${rest}`,
  altersFreely: true,
});
