import type { StoreFault } from "../../core/contract/store.ts";

export const faultOfPostgresql = (code: string, message: string): StoreFault | undefined =>
  SAID[code]?.find(([words]) => words.test(message))?.[1] ?? FAULTS[code] ?? CLASS_FAULTS[code.slice(0, 2)];

/** For the names of prepared statements, which belong to a connection of the server, and not to one of the client. */
export const adviceOnPostgresql = (code: string): string | undefined =>
  code === "26000" || code === "42P05"
    ? "A prepared statement is unknown to the connection that it has come to, or its name is taken there: a pooler such as PgBouncer " +
      "in transaction mode stands before PostgreSQL. Leave option statementNameGenerator of PrismaPg out, or have the pooler " +
      "support prepared statements: PgBouncer does from version 1.21 on, with max_prepared_statements above zero."
    : undefined;

/** Codes that stand for several things, of which the message says which. Poolers have few codes for all that they say. */
const SAID: Readonly<Record<string, readonly (readonly [RegExp, StoreFault])[]>> = {
  // PgBouncer's for everything: https://github.com/pgbouncer/pgbouncer/blob/master/src/proto.c. What no retry cures, or a login that
  // the server refuses, which PgBouncer repeats to others for a while.
  "08P01": [
    [
      new RegExp(
        [
          "no such (?:user|database)",
          "authentication failed",
          "login rejected",
          "not allowed",
          "not supported",
          "unsupported (?:options )?startup parameter",
          "SSL required",
          "bouncer config error",
          "no pg_hba\\.conf entry",
          '(?:database|role) ".*" does not exist',
        ].join("|"),
        "i",
      ),
      "misconfigured",
    ],
  ],
  // object_not_in_prerequisite_state: ALLOW_CONNECTIONS is off while a database is moved or restored.
  "55000": [[/is not currently accepting connections/, "unavailable"]],
  // system_error, which is PgCat's for everything.
  "58000": [
    [/could not get connection from the pool|error receiving data from server|Pool down/i, "unavailable"],
  ],
  // internal_error, which is Supavisor's for what it has no other code for.
  XX000: [
    [/\((?:EMAXCONN(?:SESSION)?|ECHECKOUTTIMEOUT|ECHECKOUTRETRIES|EDBHANDLEREXITED)\)/, "unavailable"],
    [/max client connections reached/i, "unavailable"],
  ],
};

/** Classes of SQLSTATE codes. */
const CLASS_FAULTS: Readonly<Record<string, StoreFault>> = {
  "08": "unavailable", // connection exception
  "28": "misconfigured", // invalid authorization specification
};

/** SQLSTATE codes: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const FAULTS: Readonly<Record<string, StoreFault>> = {
  "40000": "write_conflict", // transaction_rollback
  "40001": "write_conflict", // serialization_failure
  "40P01": "write_conflict", // deadlock_detected
  "55P03": "lock_timeout", // lock_not_available
  "57014": "lock_timeout", // query_canceled: a statement_timeout shorter than the claim's wait
  "25P02": "transaction_aborted", // in_failed_sql_transaction
  "25006": "read_only", // read_only_sql_transaction
  // Passing.
  "25P03": "unavailable", // idle_in_transaction_session_timeout: the connection is closed
  "25P04": "unavailable", // transaction_timeout: the connection is closed
  "40003": "unavailable", // statement_completion_unknown
  "53000": "unavailable", // insufficient_resources
  "53100": "unavailable", // disk_full
  "53200": "unavailable", // out_of_memory
  "53300": "unavailable", // too_many_connections
  "53400": "unavailable", // configuration_limit_exceeded
  "57P01": "unavailable", // admin_shutdown
  "57P02": "unavailable", // crash_shutdown
  "57P03": "unavailable", // cannot_connect_now
  "57P05": "unavailable", // idle_session_timeout
  "58030": "unavailable", // io_error
  // Permanent.
  "26000": "misconfigured", // invalid_sql_statement_name: a pooler gave the prepared statement to another connection
  "3D000": "misconfigured", // invalid_catalog_name
  "3F000": "misconfigured", // invalid_schema_name
  "42501": "misconfigured", // insufficient_privilege
  "42703": "misconfigured", // undefined_column
  "42P01": "misconfigured", // undefined_table
  "42P05": "misconfigured", // duplicate_prepared_statement
  "42P10": "misconfigured", // invalid_column_reference: no unique index for ON CONFLICT
  "57P04": "misconfigured", // database_dropped
};
