import type { StoreFault } from "../core/store.ts";
import type { Dialect } from "./dialect.ts";
import { rowOf } from "./statement.ts";

/**
 * Times are PostgreSQL's own: `clock_timestamp()`, as `now()` stands still at BEGIN, and a claim may wait after it.
 */
export const postgresql: Dialect = {
  /**
   * One round trip. Lock: inserting takes the unique index entry of `id`; a transaction that finds it taken by one
   * not yet committed waits for its end, at most `lock_timeout`, which is set for this statement and put back by it.
   *
   * Right under READ COMMITTED: the `existing` row is read from the statement's snapshot without a lock, so a replay
   * locks and writes nothing. After a wait, ON CONFLICT looks at the newest version of the row, not at the snapshot:
   * rolled back, it inserts; committed, it takes over if expired, and else gives no row, whereupon the caller reads
   * it anew. Under REPEATABLE READ and SERIALIZABLE that last case is error 40001, which the caller repeats.
   *
   * Index used: the primary key.
   */
  claim(names, params) {
    const { table, columns: c } = names;
    const row = rowOf(names);
    return {
      text: `WITH bound AS MATERIALIZED (
  SELECT current_setting('lock_timeout') AS before, set_config('lock_timeout', $8, true) AS now
), existing AS (
  SELECT ${row} FROM ${table} WHERE ${c.id} = $1 AND ${c.expiresAt} > clock_timestamp()
), claimed AS (
  INSERT INTO ${table} AS r (${c.id}, ${c.scope}, ${c.operation}, ${c.key}, ${c.fingerprint}, ${c.owner}, ${c.status}, ${c.attempt}, ${c.createdAt}, ${c.expiresAt})
  SELECT $1, $2, $3, $4, $5, $6, 'in_progress', 1, clock_timestamp(), clock_timestamp() + $7::float8 * interval '1 millisecond'
  FROM bound WHERE bound.now IS NOT NULL AND NOT EXISTS (SELECT FROM existing)
  ON CONFLICT (${c.id}) DO UPDATE SET
    ${c.fingerprint} = excluded.${c.fingerprint}, ${c.owner} = excluded.${c.owner}, ${c.status} = excluded.${c.status},
    ${c.attempt} = excluded.${c.attempt}, ${c.response} = NULL, ${c.completedAt} = NULL,
    ${c.createdAt} = excluded.${c.createdAt}, ${c.expiresAt} = excluded.${c.expiresAt}
  WHERE r.${c.expiresAt} <= clock_timestamp()
  RETURNING ${row}
), found AS (
  SELECT true AS mine, * FROM claimed UNION ALL SELECT false, * FROM existing
)
SELECT found.*, set_config('lock_timeout', (SELECT before FROM bound), true) AS restored FROM found`,
      values: [
        params.id,
        params.scope,
        params.operation,
        params.key,
        params.fingerprint,
        params.owner,
        params.retentionMs,
        String(params.lockWaitMs),
      ],
    };
  },

  /** Takes no lock. Under READ COMMITTED it has a snapshot of its own, which shows what the claim waited for. */
  read(names, id) {
    const { table, columns: c } = names;
    return {
      text: `SELECT false AS mine, ${rowOf(names)} FROM ${table} WHERE ${c.id} = $1`,
      values: [id],
    };
  },

  /**
   * The row is locked already, by the claim of the same transaction. No indexed column changes, so that the new
   * version can stay on the row's page without a new index entry (a HOT update).
   */
  complete({ table, columns: c }, { id, owner, status, response }) {
    return {
      text: `UPDATE ${table} SET ${c.status} = $3, ${c.response} = $4, ${c.completedAt} = clock_timestamp()
WHERE ${c.id} = $1 AND ${c.owner} = $2 AND ${c.status} = 'in_progress'`,
      values: [id, owner, status, response],
    };
  },

  /**
   * Locks the rows it deletes and passes over those a claim is taking over. Addressed by `ctid`, which cannot change
   * while a row is locked. Index used: `expires_at`.
   */
  prune({ table, columns: c }, { limit }) {
    return {
      text: `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM ${table} WHERE ${c.expiresAt} <= now() ORDER BY ${c.expiresAt} LIMIT $1::int FOR UPDATE SKIP LOCKED
))`,
      values: [limit],
    };
  },

  faultOfCode: (code) => FAULTS[code] ?? (code.startsWith("08") ? "unavailable" : undefined),

  maxWaitMs: undefined,
};

/** SQLSTATE codes: PostgreSQL manual, appendix A. */
const FAULTS: Readonly<Record<string, StoreFault>> = {
  "40001": "write_conflict", // serialization_failure
  "40P01": "write_conflict", // deadlock_detected
  "55P03": "lock_timeout", // lock_not_available
  "57014": "lock_timeout", // query_canceled: a statement_timeout shorter than the claim's wait
  "25P02": "transaction_aborted", // in_failed_sql_transaction
  "42P01": "schema_missing", // undefined_table
  "57P01": "unavailable", // admin_shutdown
  "57P02": "unavailable", // crash_shutdown
  "57P03": "unavailable", // cannot_connect_now
  "53300": "unavailable", // too_many_connections
};
