import type { ClaimParams } from "../../core/contract/store.ts";
import type { Dialect } from "../dialect/dialect.ts";
import { inVain } from "../dialect/in-vain.ts";
import type { Names } from "../dialect/names.ts";
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
import { columnTypesOfMariadb, findingsOfMariadb, makeOfMariadb } from "./check.ts";
import { endsTransactionOfMariadb } from "./ending.ts";
import { adviceOnMariadb, faultOfMariadb } from "./faults.ts";
import { IDS, NOW, placeOf, texts } from "./parts.ts";
import { remediesOfMariadb } from "./tables.ts";
import { upkeepOfMariadb } from "./upkeep.ts";

/** The time that many milliseconds from now; NULL for NULL. */
const inMs = (parameter = "?") => `${NOW} + INTERVAL (${parameter} * 1000) MICROSECOND`;
/** `time`, or a millisecond later where `column` has that already: an UPDATE that changes nothing may count as none. */
const other = (time: string, column: string) =>
  `${time} + INTERVAL IF(${time} <=> ${column}, 1000, 0) MICROSECOND`;

const OPERATIONS = texts("VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin");

const recordRow = (names: Names) =>
  `${selected(names, RECORD_ROW, "`")}, ${names.record.columns.lockedUntil} IS NOT NULL AS leased`;

export const mariadb: Dialect = {
  /**
   * One statement for a fresh key, and for a replay. It changes nothing of a row that it finds; which of the two it was, the
   * number of affected rows does not tell, as that depends on the driver's option `foundRows`.
   *
   * Lock: an exclusive one, on the new index record or on the row that it finds, until the transaction ends. It waits for
   * another transaction that has one, at most `lockWaitMs`. An INSERT IGNORE would get a shared lock, which several claims of
   * one expired row have at a time, and none of them can take the row over: deadlock 1213 (measured: 4,384 in 200 rounds of
   * 8, against none). If the other transaction rolls back, all but one of several that wait meet 1213, and try again.
   *
   * Correct at every isolation level: it sees the row that it has locked, and not a snapshot.
   */
  insert(names, params) {
    const { columns: c } = names.record;
    return {
      text: `SET STATEMENT ${boundedTo(params)} FOR ${insertion(names)}
ON DUPLICATE KEY UPDATE ${c.id} = ${c.id}
RETURNING ${c.owner} = ? AS mine, ${recordRow(names)}, ${whereFree(c, NOW, "?")} AS free`,
      values: [...claimValues(params), params.owner, params.fingerprint],
      returnsRow: true,
    };
  },

  /**
   * Lock: as `insert`, and that whether or not it takes the row over.
   *
   * Its assignments are made from left to right, each seeing those before it: whether the row was free, `owner` tells from the
   * second on. `sql_mode` could have all see the row as it was (SIMULTANEOUS_ASSIGNMENT).
   */
  claim(names, params) {
    const { columns: c } = names.record;
    const isTaken = `${c.owner} = VALUES(${c.owner})`;
    const expired = `${c.expiresAt} <= ${NOW}`;
    const assigned = (column: string, value = `VALUES(${column})`, when = isTaken) =>
      `${column} = IF(${when}, ${value}, ${column})`;
    return {
      text: `SET STATEMENT sql_mode='STRICT_ALL_TABLES', ${boundedTo(params)} FOR ${insertion(names)}
ON DUPLICATE KEY UPDATE
  ${assigned(c.owner, undefined, whereFree(c, NOW, `VALUES(${c.fingerprint})`))},
  ${assigned(c.attempt, `IF(${expired}, 1, ${c.attempt} + 1)`)},
  ${assigned(c.createdAt, undefined, `${isTaken} AND ${expired}`)},
  ${assigned(c.response, "NULL")}, ${assigned(c.completedAt, "NULL")},
  ${[c.fingerprint, c.status, c.input, c.lockedUntil, c.expiresAt].map((column) => assigned(column)).join(", ")}
RETURNING ${c.owner} = ? AS mine, ${recordRow(names)}`,
      values: [...claimValues(params), params.owner],
      writes: true,
    };
  },

  /** Takes no lock. `insert` and `claim` return the row that they have waited for: nobody reads it after them. */
  read(names, { id, fingerprint }) {
    const { table, columns: c } = names.record;
    return {
      text: `SELECT 0 AS mine, ${recordRow(names)}, ${whereFree(c, NOW, "?")} AS free FROM ${table} WHERE ${c.id} = ?`,
      values: [fingerprint, id],
    };
  },

  /** Takes no lock and waits for none. Index used: the primary key. */
  replayable(names, ids) {
    const { table, columns: c } = names.record;
    return {
      text: `SELECT ${selected(names, FINISHED_ROW, "`")} FROM ${table}
WHERE ${c.id} IN (SELECT v FROM ${IDS} AS listed) AND ${whereReplayable(c, NOW)}`,
      values: [JSON.stringify(ids)],
    };
  },

  /** Waits for a takeover under way, and then sees the new `owner`, at every isolation level. */
  complete({ record: { table, columns: c } }, { id, owner, status, response, retentionMs }) {
    const kept = retentionMs === null ? "" : `, ${c.expiresAt} = ${inMs()}`;
    return {
      text: `UPDATE ${table} SET ${c.status} = ?, ${c.response} = ?, ${c.completedAt} = ${NOW}, ${c.lockedUntil} = NULL${kept}
WHERE ${whereHeldBy(c, "?", "?")}`,
      values: [status, response, ...(retentionMs === null ? [] : [retentionMs]), id, owner],
    };
  },

  /** Locks the row, so a takeover waits. If the takeover was first, the condition no longer holds. */
  renew({ record: { table, columns: c } }, { id, owner, leaseMs, retentionMs }) {
    return {
      text: `UPDATE ${table} SET ${c.lockedUntil} = ${other(inMs(), c.lockedUntil)}, ${c.expiresAt} = ${inMs()}
WHERE ${whereHeldBy(c, "?", "?")}`,
      values: [leaseMs, leaseMs, leaseMs + retentionMs, id, owner],
    };
  },

  /** Locks the row, as `renew` does. */
  giveBack({ record: { table, columns: c } }, params) {
    const { id, owner, delayMs, retentionMs } = params;
    return {
      text: `UPDATE ${table} SET ${c.owner} = ''${untried(c, params)}, ${c.lockedUntil} = ${inMs()}, ${c.expiresAt} = ${inMs()}
WHERE ${whereHeldBy(c, "?", "?")}`,
      values: [delayMs, delayMs + retentionMs, id, owner],
    };
  },

  /**
   * FOR UPDATE waits for a takeover under way, sees the new `owner`, and prevents takeovers until the step is committed; on another
   * node of a cluster, the fence does: it changes the row, so that one of both fails at COMMIT.
   */
  recordStep({ record: { table, columns: c }, step }, { id, owner, name, response }) {
    const s = step.columns;
    const replaced = (column: string) => `${column} = VALUES(${column})`;
    return {
      text: `INSERT INTO ${step.table} (${s.recordId}, ${s.name}, ${s.recordCreatedAt}, ${s.response}, ${s.createdAt})
SELECT held.id, ?, held.made, ?, ${NOW} FROM (
  SELECT ${c.id} AS id, ${c.createdAt} AS made FROM ${table} WHERE ${whereHeldBy(c, "?", "?")} FOR UPDATE
) AS held
ON DUPLICATE KEY UPDATE ${replaced(s.recordCreatedAt)}, ${replaced(s.response)},
  ${s.createdAt} = ${other(`VALUES(${s.createdAt})`, s.createdAt)}`,
      values: [name, response, id, owner],
      fence: {
        text: `UPDATE ${table} SET ${c.lockedUntil} = ${c.lockedUntil} + INTERVAL 1000 MICROSECOND WHERE ${whereHeldBy(c, "?", "?")}`,
        values: [id, owner],
      },
    };
  },

  /** Takes no lock. It runs after the claim, hence after every step that an earlier owner could still commit. */
  steps(names, id) {
    return { text: selectedSteps(names, "?"), values: [id] };
  },

  /**
   * Locks the row it claims, and skips rows locked by other completers and retries. An UPDATE could not return the row. The
   * columns of the derived table have names of their own, as those of the table would be ambiguous. Index used:
   * `locked_until`.
   */
  claimAbandoned(names, { operations, owner, leaseMs, retentionMs }) {
    const { table, columns: c } = names.record;
    const columns = claimedColumns(c);
    const renamed = columns.split(", ").map((column, index) => `${column} AS c${index}`);
    return {
      text: `INSERT INTO ${table} (${columns})
SELECT * FROM (
  SELECT ${renamed.join(", ")} FROM ${table}
  WHERE ${whereAbandoned(c, NOW)} AND ${c.operation} IN (SELECT v FROM ${OPERATIONS} AS listed)
  ORDER BY ${c.lockedUntil} LIMIT 1 FOR UPDATE SKIP LOCKED
) AS abandoned
ON DUPLICATE KEY UPDATE ${c.owner} = ?, ${c.attempt} = ${c.attempt} + 1, ${c.lockedUntil} = ${inMs()},
  ${c.expiresAt} = GREATEST(${c.expiresAt}, ${inMs()})
RETURNING ${selected(names, ABANDONED_ROW, "`")}`,
      values: [JSON.stringify(operations), owner, leaseMs, leaseMs + retentionMs],
      writes: true,
    };
  },

  upkeep: upkeepOfMariadb,

  columnsOf: (table) => ({
    text: `SELECT c.column_name AS name, CONCAT_WS(' collate ', c.column_type, c.collation_name) AS type, t.engine AS engine
FROM information_schema.columns AS c JOIN information_schema.tables AS t USING (table_schema, table_name)
WHERE c.table_schema = COALESCE(?, DATABASE()) AND c.table_name = ?`,
    values: placeOf(table),
  }),

  indexesOf: (table) => ({
    text: `SELECT MAX(non_unique) = 0 AS isUnique, GROUP_CONCAT(column_name ORDER BY seq_in_index) AS \`columns\`
FROM information_schema.statistics WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ?
GROUP BY index_name HAVING SUM(sub_part IS NOT NULL) = 0`,
    values: placeOf(table),
  }),

  hurdlesOf: (table) => ({
    text: `SELECT 'trigger' AS kind, trigger_name AS name FROM information_schema.triggers
WHERE event_object_schema = COALESCE(?, DATABASE()) AND event_object_table = ? AND action_timing = 'BEFORE'`,
    values: placeOf(table),
  }),

  server: () => ({
    text: `SELECT g.read_only <> 'OFF' OR @@tx_read_only AS readOnly, @@max_allowed_packet AS packetBytesMax,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000 AS nowMs, g.wsrep_on AS isCluster, g.wsrep_sync_wait AS syncWait,
  CONCAT(QUOTE(SUBSTRING_INDEX(CURRENT_USER(), '@', 1)), '@', QUOTE(SUBSTRING_INDEX(CURRENT_USER(), '@', -1))) AS grantee
FROM (
  SELECT MAX(IF(variable_name = 'READ_ONLY', variable_value, NULL)) AS read_only,
    MAX(variable_name = 'WSREP_ON' AND variable_value = 'ON') AS wsrep_on,
    MAX(IF(variable_name = 'WSREP_SYNC_WAIT', variable_value, 0)) AS wsrep_sync_wait
  FROM information_schema.session_variables WHERE variable_name IN ('READ_ONLY', 'WSREP_ON', 'WSREP_SYNC_WAIT')
) AS g`,
    values: [],
  }),

  faultOfCode: faultOfMariadb,
  adviceOnCode: adviceOnMariadb,
  denials: ["1142", "1143"],
  columnTypes: columnTypesOfMariadb,
  remedies: remediesOfMariadb,
  quoteMark: "`",
  claimLocks: true,
  make: makeOfMariadb,
  findings: findingsOfMariadb,

  capabilities: {
    commitsByItself: true,
    // The server's own default may be the weakest there is. What we do is correct at each.
    weakestIsolation: "ReadUncommitted",
    maxWaitMs: undefined,
    // Nodes of a Galera cluster lock for themselves alone.
    conflictsAtCommit: "ask",
    endsTransaction: endsTransactionOfMariadb,
    vanishing: {
      isRolledBackBy: (code) => faultOfMariadb(String(code), "") === "write_conflict",
      errorOfBegin: (error) => inVain(mariadb, error) ?? error,
    },
  },
};

function insertion({ record: { table, columns: c } }: Names): string {
  return `INSERT INTO ${table} (${claimedColumns(c)})
VALUES (?, ?, ?, ?, ?, ?, 'in_progress', 1, ${NOW}, ${inMs()}, ${inMs()}, ?)`;
}

function claimValues(params: ClaimParams): Write["values"] {
  const { id, scope, operation, key, fingerprint, owner, leaseMs, input } = params;
  return [id, scope, operation, key, fingerprint, owner, claimedForMs(params), leaseMs, input];
}

/**
 * Settings for one statement alone, after which they are as before. InnoDB counts waits in whole seconds; less than one is a
 * matter of the whole statement's time. That must not end a claim that commits by itself: nobody would know of it.
 */
function boundedTo({ lockWaitMs, leaseMs }: ClaimParams): string {
  const seconds = `innodb_lock_wait_timeout=${Math.ceil(lockWaitMs / 1_000)}`;
  // Rounded, as each text is another one for what keeps statements by their text.
  const statementSeconds = (Math.ceil(lockWaitMs / 50) * 50) / 1_000;
  return leaseMs === null ? `${seconds}, max_statement_time=${statementSeconds}` : seconds;
}
