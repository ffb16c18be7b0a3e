import type { ClaimParams } from "../../core/contract/store.ts";
import type { Dialect } from "../dialect/dialect.ts";
import { endsTransaction } from "../dialect/ending.ts";
import {
  claimedColumns,
  claimedForMs,
  selectedSteps,
  untried,
  whereAbandoned,
  whereFree,
  whereHeldBy,
  whereReplayable,
} from "../dialect/parts.ts";
import { ABANDONED_ROW, FINISHED_ROW, RECORD_ROW, selected, type Write } from "../dialect/statement.ts";
import { columnTypesOfPostgresql, findingsOfPostgresql } from "./check.ts";
import { adviceOnPostgresql, faultOfPostgresql } from "./faults.ts";
import { NOW } from "./parts.ts";
import { remediesOfPostgresql } from "./tables.ts";
import { upkeepOfPostgresql } from "./upkeep.ts";

/** The time that many milliseconds from now; NULL for NULL. */
const inMs = (parameter: string) => `${NOW} + ${parameter}::float8 * interval '1 millisecond'`;

export const postgresql: Dialect = {
  /**
   * All that a fresh key needs, in SQL that is quick to plan: parsing and planning cost more than executing.
   *
   * Lock: inserting takes the unique index entry of `id`. If a transaction that has not yet ended holds that entry, or
   * is changing the row, the statement waits for its end, at most `lock_timeout`. The CASE remembers the old
   * `lock_timeout`, then sets ours, both before the row is inserted. RETURNING restores it, but only if a row was
   * inserted; otherwise `claim` restores it, before any handler runs.
   *
   * Correct at every isolation level: an existing row is left alone, neither locked nor written. One committed after the
   * snapshot of REPEATABLE READ or SERIALIZABLE is error 40001, and the caller tries again.
   */
  insert(names, params) {
    const { table, columns: c } = names.record;
    return {
      text: `INSERT INTO ${table} (${claimedColumns(c)})
VALUES (${BOUND} || $1, $2, $3, $4, $5, $6, 'in_progress', 1, ${NOW}, ${inMs("$7")}, ${inMs("$9")}, $10)
ON CONFLICT (${c.id}) DO NOTHING ${UNBOUND}`,
      values: claimValues(params),
    };
  },

  /**
   * One round trip. Lock: as `insert`, and the lock of the row that it takes over.
   *
   * Correct under READ COMMITTED: the `existing` row is read from the statement's snapshot without a lock, so polling a
   * live lease neither locks nor writes. After a wait, ON CONFLICT looks at the newest version of the row, not at the
   * snapshot. If the other transaction rolled back, it inserts. If it committed, it takes the row over if it may, and
   * otherwise returns no row, so the caller reads it again. Under REPEATABLE READ and SERIALIZABLE the last case is error
   * 40001, and the caller tries again.
   *
   * Index used: the primary key.
   */
  claim(names, params) {
    const { table, columns: c } = names.record;
    const row = `${selected(names, RECORD_ROW)}, ${c.lockedUntil} IS NOT NULL AS leased`;
    const expired = `r.${c.expiresAt} <= ${NOW}`;
    return {
      text: `WITH bound AS MATERIALIZED (
  SELECT coalesce(nullif(current_setting('${BEFORE}', true), ''), current_setting('lock_timeout')) AS before,
    set_config('lock_timeout', $8, true) AS now
), existing AS (
  SELECT ${row} FROM ${table} AS r WHERE ${c.id} = $1 AND NOT ${whereFree(c, NOW, "$5", "r.")}
), claimed AS (
  INSERT INTO ${table} AS r (${claimedColumns(c)})
  SELECT $1, $2, $3, $4, $5, $6, 'in_progress', 1, ${NOW}, ${inMs("$7")}, ${inMs("$9")}, $10
  FROM bound WHERE bound.now IS NOT NULL AND NOT EXISTS (SELECT FROM existing)
  ON CONFLICT (${c.id}) DO UPDATE SET
    ${c.fingerprint} = excluded.${c.fingerprint}, ${c.owner} = excluded.${c.owner}, ${c.status} = excluded.${c.status},
    ${c.attempt} = CASE WHEN ${expired} THEN 1 ELSE r.${c.attempt} + 1 END,
    ${c.createdAt} = CASE WHEN ${expired} THEN excluded.${c.createdAt} ELSE r.${c.createdAt} END,
    ${c.expiresAt} = excluded.${c.expiresAt}, ${c.lockedUntil} = excluded.${c.lockedUntil},
    ${c.input} = excluded.${c.input}, ${c.response} = NULL, ${c.completedAt} = NULL
  WHERE ${whereFree(c, NOW, "$5", "r.")}
  RETURNING ${row}
), found AS (
  SELECT true AS mine, * FROM claimed UNION ALL SELECT false, * FROM existing
)
SELECT found.*, set_config('lock_timeout', (SELECT before FROM bound), true) AS restored FROM found`,
      values: claimValues(params),
    };
  },

  /** Takes no lock. Under READ COMMITTED it has its own snapshot, which shows what the claim has waited for. */
  read(names, { id, fingerprint }) {
    const { table, columns: c } = names.record;
    return {
      text: `SELECT false AS mine, ${selected(names, RECORD_ROW)}, ${c.lockedUntil} IS NOT NULL AS leased, ${whereFree(c, NOW, "$2", "r.")} AS free FROM ${table} AS r WHERE ${c.id} = $1`,
      values: [id, fingerprint],
    };
  },

  /**
   * Takes no lock and waits for none. It sees a record that is under way or being taken over as it was last committed,
   * and an expired one not at all. Index used: the primary key.
   */
  replayable(names, ids) {
    const { table, columns: c } = names.record;
    return {
      text: `SELECT ${selected(names, FINISHED_ROW)} FROM ${table}
WHERE ${c.id} = ANY ($1::text[]) AND ${whereReplayable(c, NOW)}`,
      values: [[...ids]],
    };
  },

  /**
   * In mode `transaction` the claim has locked the row already, and no indexed column changes, so the new version can stay
   * on the same page without a new index entry (a HOT update): when the record expires, the claim has said. In mode `lease`
   * the statement waits for a takeover under way, and then sees the new `owner`.
   */
  complete({ record: { table, columns: c } }, { id, owner, status, response, retentionMs }) {
    const kept = retentionMs === null ? "" : `, ${c.expiresAt} = ${inMs("$5")}`;
    return {
      text: `UPDATE ${table} SET ${c.status} = $3, ${c.response} = $4, ${c.completedAt} = ${NOW}, ${c.lockedUntil} = NULL${kept}
WHERE ${whereHeldBy(c, "$1", "$2")}`,
      values: [id, owner, status, response, ...(retentionMs === null ? [] : [retentionMs])],
    };
  },

  /** Locks the row, so a takeover waits. If the takeover was first, the condition is checked again and no longer holds. */
  renew({ record: { table, columns: c } }, { id, owner, leaseMs, retentionMs }) {
    return {
      text: `UPDATE ${table} SET ${c.lockedUntil} = ${inMs("$3")}, ${c.expiresAt} = ${inMs("$4")}
WHERE ${whereHeldBy(c, "$1", "$2")}`,
      values: [id, owner, leaseMs, leaseMs + retentionMs],
    };
  },

  /** Locks the row, as `renew` does. */
  giveBack({ record: { table, columns: c } }, params) {
    const { id, owner, delayMs, retentionMs } = params;
    return {
      text: `UPDATE ${table} SET ${c.owner} = ''${untried(c, params)}, ${c.lockedUntil} = ${inMs("$3")}, ${c.expiresAt} = ${inMs("$4")}
WHERE ${whereHeldBy(c, "$1", "$2")}`,
      values: [id, owner, delayMs, delayMs + retentionMs],
    };
  },

  /**
   * FOR SHARE waits for a takeover under way, checks `owner` again, and prevents takeovers until the step is committed.
   * FOR KEY SHARE would not prevent them, as a takeover changes no key.
   */
  recordStep({ record: { table, columns: c }, step }, { id, owner, name, response }) {
    const s = step.columns;
    return {
      text: `INSERT INTO ${step.table} (${s.recordId}, ${s.name}, ${s.recordCreatedAt}, ${s.response}, ${s.createdAt})
SELECT ${c.id}, $3, ${c.createdAt}, $4, ${NOW} FROM ${table}
WHERE ${whereHeldBy(c, "$1", "$2")} FOR SHARE
ON CONFLICT (${s.recordId}, ${s.name}) DO UPDATE SET
  ${s.recordCreatedAt} = excluded.${s.recordCreatedAt}, ${s.response} = excluded.${s.response}, ${s.createdAt} = excluded.${s.createdAt}`,
      values: [id, owner, name, response],
    };
  },

  /** Takes no lock. It runs after the claim, hence after every step that an earlier owner could still commit. */
  steps(names, id) {
    return { text: selectedSteps(names, "$1"), values: [id] };
  },

  /**
   * Locks the row it claims and skips rows locked by other completers and retries. As it never waits, `now()` is good
   * enough. `clock_timestamp()` may differ from row to row, so no index could be searched by it. Index used:
   * `locked_until`.
   */
  claimAbandoned(names, { operations, owner, leaseMs, retentionMs }) {
    const { table, columns: c } = names.record;
    return {
      text: `UPDATE ${table} SET ${c.owner} = $1, ${c.attempt} = ${c.attempt} + 1, ${c.lockedUntil} = ${inMs("$2")},
  ${c.expiresAt} = GREATEST(${c.expiresAt}, ${inMs("$3")})
WHERE ${c.id} = (
  SELECT ${c.id} FROM ${table}
  WHERE ${whereAbandoned(c, "now()")}
    AND ${c.operation} IN (SELECT jsonb_array_elements_text($4::jsonb))
  ORDER BY ${c.lockedUntil} LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING ${selected(names, ABANDONED_ROW)}`,
      values: [owner, leaseMs, leaseMs + retentionMs, JSON.stringify(operations)],
    };
  },

  upkeep: upkeepOfPostgresql,

  columnsOf: (table) => ({
    text: `SELECT attname::text AS name, format_type(atttypid, atttypmod) AS type, (
  SELECT bool_or(relpersistence <> 'p') FROM pg_class
  WHERE oid = attrelid OR oid IN (SELECT relid FROM pg_partition_tree(attrelid))
) AS "isVolatile" FROM pg_attribute
WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped`,
    values: [table],
  }),

  indexesOf: (table) => ({
    text: `SELECT indisunique AS "isUnique", (
  SELECT string_agg(attname::text, ',' ORDER BY place) FROM unnest(indkey) WITH ORDINALITY AS key (attnum, place)
  JOIN pg_attribute AS a ON a.attrelid = indrelid AND a.attnum = key.attnum WHERE place <= indnkeyatts
) AS columns FROM pg_index WHERE indrelid = to_regclass($1) AND indpred IS NULL AND indexprs IS NULL AND indisvalid`,
    values: [table],
  }),

  // Bits of `tgtype`: 1 for each row, 2 before its write.
  hurdlesOf: (table) => ({
    text: `SELECT 'trigger' AS kind, tgname::text AS name FROM pg_trigger
WHERE tgrelid = to_regclass($1) AND NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 3 = 3
UNION ALL SELECT 'row-level security', relname::text FROM pg_class WHERE oid = to_regclass($1) AND row_security_active(oid)`,
    values: [table],
  }),

  server: () => ({
    text: `SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean AS "readOnly",
  (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS "nowMs", version() AS version,
  quote_ident(current_user) AS grantee`,
    values: [],
  }),

  findings: findingsOfPostgresql,
  faultOfCode: faultOfPostgresql,
  adviceOnCode: adviceOnPostgresql,
  denials: ["42501"],
  columnTypes: columnTypesOfPostgresql,
  remedies: remediesOfPostgresql,

  quoteMark: '"',
  claimLocks: false,

  capabilities: {
    commitsByItself: true,
    // https://www.postgresql.org/docs/current/transaction-iso.html: ReadUncommitted is the same there.
    weakestIsolation: "ReadCommitted",

    maxWaitMs: undefined,
    conflictsAtCommit: false,
    endsTransaction,
  },
};

/** The setting in which `insert` keeps the old `lock_timeout` until the transaction ends. Empty in later transactions. */
const BEFORE = "onceonly.lock_timeout";

/** Remembers `lock_timeout`, then sets it to `$8`. An empty text. */
const BOUND = `CASE WHEN set_config('${BEFORE}', current_setting('lock_timeout'), true) IS NOT NULL THEN left(set_config('lock_timeout', $8, true), 0) END`;
/** Restores it, if a row was inserted. */
const UNBOUND = `RETURNING set_config('lock_timeout', current_setting('${BEFORE}'), true)`;

/** The values of the statements that claim. */
function claimValues(params: ClaimParams): Write["values"] {
  const { id, scope, operation, key, fingerprint, owner, lockWaitMs, leaseMs, input } = params;
  const expiresInMs = claimedForMs(params);
  return [id, scope, operation, key, fingerprint, owner, expiresInMs, String(lockWaitMs), leaseMs, input];
}
