import type { ColumnDefinition, TableDefinitions } from "./remedies.ts";

const TEXT: ColumnDefinition = { type: "TEXT", rest: "NOT NULL" };

/** The columns of a database whose TEXT has no length and compares byte by byte. `time` is its type for times. */
export function plainColumns(time: string): Pick<TableDefinitions, "record" | "step"> {
  const given: ColumnDefinition = { type: time, rest: "NOT NULL" };
  const now: ColumnDefinition = { type: time, rest: "NOT NULL DEFAULT CURRENT_TIMESTAMP" };
  return {
    record: {
      id: TEXT,
      scope: TEXT,
      operation: TEXT,
      key: TEXT,
      fingerprint: TEXT,
      status: TEXT,
      owner: TEXT,
      attempt: { type: "INTEGER", rest: "NOT NULL DEFAULT 1" },
      lockedUntil: { type: time },
      response: { type: "TEXT" },
      input: { type: "TEXT" },
      createdAt: now,
      completedAt: { type: time },
      expiresAt: given,
    },
    step: { recordId: TEXT, name: TEXT, recordCreatedAt: given, response: TEXT, createdAt: now },
  };
}
