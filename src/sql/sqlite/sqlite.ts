import type { ClaimParams, StoreFault } from "../../core/contract/store.ts";
import type { Dialect } from "../dialect/dialect.ts";
import { endsTransaction } from "../dialect/ending.ts";
import { type Names, unquoted } from "../dialect/names.ts";
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
import { NOW } from "./parts.ts";
import { remediesOfSqlite } from "./tables.ts";
import { upkeepOfSqlite } from "./upkeep.ts";

/** The time that many milliseconds from now. */
const inMs = (parameter: string) =>
  `strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', printf('%+.3f seconds', ${parameter} / 1000.0))`;

export const sqlite: Dialect = {
  /**
   * SQLite has no row locks, and BEGIN takes no lock at all. This statement is the first of its transaction and takes the
   * database's only write lock, even if it changes nothing. From then on nobody else writes until the transaction ends,
   * and the transaction never has to upgrade a read lock, which is what fails with SQLITE_BUSY. (When a handler swallows
   * that error, libsql keeps the lock for good: measured with libsql 0.5.)
   */
  insert(names, params) {
    return {
      text: `${insertion(names)} ON CONFLICT (${names.record.columns.id}) DO NOTHING`,
      values: claimValues(params),
    };
  },

  /** Takes the write lock, as `insert` does. */
  claim(names, params) {
    const { columns: c } = names.record;
    const expired = `${c.expiresAt} <= ${NOW}`;
    return {
      text: `${insertion(names)}
ON CONFLICT (${c.id}) DO UPDATE SET
  ${c.fingerprint} = excluded.${c.fingerprint}, ${c.owner} = excluded.${c.owner}, ${c.status} = excluded.${c.status},
  ${c.attempt} = CASE WHEN ${expired} THEN 1 ELSE ${c.attempt} + 1 END,
  ${c.createdAt} = CASE WHEN ${expired} THEN excluded.${c.createdAt} ELSE ${c.createdAt} END,
  ${c.expiresAt} = excluded.${c.expiresAt}, ${c.lockedUntil} = excluded.${c.lockedUntil},
  ${c.input} = excluded.${c.input}, ${c.response} = NULL, ${c.completedAt} = NULL
WHERE ${whereFree(c, NOW, `excluded.${c.fingerprint}`)}
RETURNING true AS mine, ${selected(names, RECORD_ROW)}, ${c.lockedUntil} IS NOT NULL AS leased`,
      values: claimValues(params),
    };
  },

  /** Runs under the write lock that the claim took, or by itself after a claim that committed. */
  read(names, { id, fingerprint }) {
    const { table, columns: c } = names.record;
    return {
      text: `SELECT false AS mine, ${selected(names, RECORD_ROW)}, ${c.lockedUntil} IS NOT NULL AS leased, ${whereFree(c, NOW, "?2")} AS free FROM ${table} WHERE ${c.id} = ?1`,
      values: [id, fingerprint],
    };
  },

  /** Runs in its own transaction, which takes only a read lock. */
  replayable(names, ids) {
    const { table, columns: c } = names.record;
    return {
      text: `SELECT ${selected(names, FINISHED_ROW)} FROM ${table}
WHERE ${c.id} IN (SELECT value FROM json_each(?)) AND ${whereReplayable(c, NOW)}`,
      values: [JSON.stringify(ids)],
    };
  },

  /** Runs under the write lock that the claim took. In mode `lease` it takes that lock itself, so there is no takeover. */
  complete({ record: { table, columns: c } }, { id, owner, status, response, retentionMs }) {
    const kept = retentionMs === null ? "" : `, ${c.expiresAt} = ${inMs("?5")}`;
    return {
      text: `UPDATE ${table} SET ${c.status} = ?3, ${c.response} = ?4, ${c.completedAt} = ${NOW}, ${c.lockedUntil} = NULL${kept}
WHERE ${whereHeldBy(c, "?1", "?2")}`,
      values: [id, owner, status, response, ...(retentionMs === null ? [] : [retentionMs])],
    };
  },

  /** Takes the write lock: as the first statement of a transaction it prevents all other writes until that ends. */
  renew({ record: { table, columns: c } }, { id, owner, leaseMs, retentionMs }) {
    return {
      text: `UPDATE ${table} SET ${c.lockedUntil} = ${inMs("?")}, ${c.expiresAt} = ${inMs("?")}
WHERE ${whereHeldBy(c, "?", "?")}`,
      values: [leaseMs, leaseMs + retentionMs, id, owner],
    };
  },

  /** Takes the write lock. */
  giveBack({ record: { table, columns: c } }, params) {
    const { id, owner, delayMs, retentionMs } = params;
    return {
      text: `UPDATE ${table} SET ${c.owner} = ''${untried(c, params)}, ${c.lockedUntil} = ${inMs("?")}, ${c.expiresAt} = ${inMs("?")}
WHERE ${whereHeldBy(c, "?", "?")}`,
      values: [delayMs, delayMs + retentionMs, id, owner],
    };
  },

  /** Takes the write lock, under which `owner` cannot change. */
  recordStep({ record: { table, columns: c }, step }, { id, owner, name, response }) {
    const s = step.columns;
    return {
      text: `INSERT INTO ${step.table} (${s.recordId}, ${s.name}, ${s.recordCreatedAt}, ${s.response}, ${s.createdAt})
SELECT ${c.id}, ?, ${c.createdAt}, ?, ${NOW} FROM ${table} WHERE ${whereHeldBy(c, "?", "?")}
ON CONFLICT (${s.recordId}, ${s.name}) DO UPDATE SET
  ${s.recordCreatedAt} = excluded.${s.recordCreatedAt}, ${s.response} = excluded.${s.response}, ${s.createdAt} = excluded.${s.createdAt}`,
      values: [name, response, id, owner],
    };
  },

  steps(names, id) {
    return { text: selectedSteps(names, "?"), values: [id] };
  },

  /** Takes the write lock, so nobody else is claiming and SKIP LOCKED is not needed. Index used: `locked_until`. */
  claimAbandoned(names, { operations, owner, leaseMs, retentionMs }) {
    const { table, columns: c } = names.record;
    return {
      text: `UPDATE ${table} SET ${c.owner} = ?, ${c.attempt} = ${c.attempt} + 1, ${c.lockedUntil} = ${inMs("?")},
  ${c.expiresAt} = max(${c.expiresAt}, ${inMs("?")})
WHERE ${c.id} = (
  SELECT ${c.id} FROM ${table}
  WHERE ${whereAbandoned(c, NOW)}
    AND ${c.operation} IN (SELECT value FROM json_each(?))
  ORDER BY ${c.lockedUntil} LIMIT 1
)
RETURNING ${selected(names, ABANDONED_ROW)}`,
      values: [owner, leaseMs, leaseMs + retentionMs, JSON.stringify(operations)],
    };
  },

  upkeep: upkeepOfSqlite,

  columnsOf: (table) => ({
    text: "SELECT name, type FROM pragma_table_info(?)",
    values: [unquoted(table)],
  }),

  indexesOf: (table) => ({
    text: `SELECT i."unique" AS isUnique, (SELECT group_concat(name) FROM pragma_index_info(i.name)) AS columns
FROM pragma_index_list(?) AS i WHERE NOT i.partial`,
    values: [unquoted(table)],
  }),

  hurdlesOf: (table) => ({
    text: "SELECT 'trigger' AS kind, name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?",
    values: [unquoted(table)],
  }),

  server: () => ({
    text: "SELECT query_only AS readOnly, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) AS nowMs FROM pragma_query_only",
    values: [],
  }),

  faultOfCode(code, message) {
    // An extended code, such as 517 for a busy snapshot, holds the primary one in its last byte.
    const primary = Number.isNaN(Number(code))
      ? code.replace(/^(SQLITE_[A-Z]+).*/, "$1")
      : String(Number(code) & 0xff);
    return /no such (table|column)/.test(message) ? "misconfigured" : FAULTS[primary];
  },

  denials: [],
  // By their affinities: https://www.sqlite.org/datatype3.html
  columnTypes: {
    text: { should: "TEXT", fits: /char|clob|text/i },
    number: { should: "INTEGER", fits: /int/i },
    time: { should: "DATETIME", fits: /date|time|text/i },
  },

  remedies: remediesOfSqlite,

  quoteMark: '"',
  claimLocks: false,

  capabilities: {
    // After SQLITE_BUSY, libsql leaves the refused statement open. Later statements on that connection take the write lock
    // and are answered, but not committed: they are lost with the process (measured with libsql 0.5). A transaction has its
    // own connection, which ends with it. If it got such a connection all the same, its COMMIT would fail.
    commitsByItself: false,
    // https://www.sqlite.org/isolation.html
    weakestIsolation: "Serializable",

    // The transactions of one client queue for a mutex before BEGIN: they wait here where others wait for a lock.
    maxWaitMs: 10_000,
    conflictsAtCommit: false,
    endsTransaction,
  },
};

/** Inserts `?1` to `?9`. */
function insertion({ record: { table, columns: c } }: Names): string {
  return `INSERT INTO ${table} (${claimedColumns(c)})
VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'in_progress', 1, ${NOW}, ${inMs("?7")}, CASE WHEN ?8 IS NOT NULL THEN ${inMs("?8")} END, ?9)`;
}

/** `?1` to `?9` of the statements that claim. */
function claimValues(params: ClaimParams): Write["values"] {
  const { id, scope, operation, key, fingerprint, owner, leaseMs, input } = params;
  return [id, scope, operation, key, fingerprint, owner, claimedForMs(params), leaseMs, input];
}

/** Primary result codes, by number and by name: https://www.sqlite.org/rescode.html */
const FAULTS: Readonly<Record<string, StoreFault>> = {
  "5": "write_conflict",
  SQLITE_BUSY: "write_conflict",
  "6": "write_conflict",
  SQLITE_LOCKED: "write_conflict",
  // Passing: the disk is full or slow to answer.
  "10": "unavailable",
  SQLITE_IOERR: "unavailable",
  "13": "unavailable",
  SQLITE_FULL: "unavailable",
  // Permanent.
  "8": "misconfigured",
  SQLITE_READONLY: "misconfigured",
  "11": "misconfigured",
  SQLITE_CORRUPT: "misconfigured",
  "14": "misconfigured",
  SQLITE_CANTOPEN: "misconfigured",
  "26": "misconfigured",
  SQLITE_NOTADB: "misconfigured",
};
