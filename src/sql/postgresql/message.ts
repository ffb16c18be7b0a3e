import type { MessageStatements } from "../dialect/capabilities.ts";
import type { Dialect } from "../dialect/dialect.ts";

const NOT_STORED = "onceonly: not stored ";

/**
 * PostgreSQL executes a text of several statements (a "simple query") in order, stops at the first error, and answers them all
 * at once. Each statement has a snapshot of its own under READ COMMITTED.
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT
 */
export const inOneMessage = (dialect: Dialect): MessageStatements => ({
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
    const { text, values } = dialect.complete(names, params);
    return {
      text: `WITH stored AS (${text} RETURNING 1)
SELECT CASE count(*) WHEN 1 THEN 1 ELSE ('${NOT_STORED}' || count(*))::integer END FROM stored`,
      values,
    };
  },

  isNotStored: (message) => message.includes(NOT_STORED),

  errorOf: (answer) => new AnsweredError(answer),
});

/** What the adapter makes of an error that the database has answered with. */
class AnsweredError extends Error {
  override readonly name = "DriverAdapterError";

  constructor({ code, message }: { readonly code: string; readonly message: string }) {
    super(message, { cause: { kind: "postgres", originalCode: code, originalMessage: message } });
  }
}
