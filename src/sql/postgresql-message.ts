import type { Dialect, MessageStatements } from "./dialect.ts";
import { whereHeldBy } from "./parts.ts";

const NOT_STORED = "onceonly: not stored, held by ";

/**
 * PostgreSQL executes a text of several statements (a "simple query") in order, stops at the first error, and answers them all
 * at once. Each statement has a snapshot of its own under READ COMMITTED.
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT
 */
export const inOneMessage = (dialect: Dialect): MessageStatements => ({
  readOther(names, params) {
    const { text, values } = dialect.read(names, params);
    return {
      text: `${text} AND r.${names.record.columns.owner} <> $3`,
      values: [...values, params.owner],
    };
  },

  rowOf: ({ mine, attempt, status, fingerprint, owner, response, leased, free }) => ({
    mine: mine === "t",
    attempt: Number(attempt),
    status: status ?? "",
    fingerprint: fingerprint ?? "",
    owner: owner ?? "",
    response: response ?? null,
    leased: leased === "t",
    free: free === "t",
  }),

  /** A cast that fails, and not one of a constant, which would fail while the statement is planned. */
  completeOrFail(names, params) {
    const { table, columns: c } = names.record;
    const { text, values } = dialect.complete(names, params);
    return {
      text: `WITH stored AS (${text} RETURNING 1)
SELECT CASE WHEN EXISTS (SELECT FROM stored) THEN 1
ELSE ('${NOT_STORED}' || (SELECT count(*) FROM ${table} WHERE ${whereHeldBy(c, "$1", "$2")}))::integer END`,
      values,
    };
  },

  reasonIn: (message) =>
    message.includes(`${NOT_STORED}1`)
      ? "suppressed"
      : message.includes(`${NOT_STORED}0`)
        ? "lost"
        : undefined,
});
