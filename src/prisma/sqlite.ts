import type { StoreFault } from "../core/store.ts";
import type { Dialect } from "./dialect.ts";
import { rowOf } from "./statement.ts";

// The form Prisma itself writes and reads. All of one length, so that comparing the texts compares the times.
const NOW = "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')";
const NOW_PLUS_MS = "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', printf('%+.3f seconds', ? / 1000.0))";

export const sqlite: Dialect = {
  /**
   * SQLite has no row locks. BEGIN takes none either; this statement, the first of its transaction, takes the one
   * write lock of the database, also where it changes nothing. From then on nobody else writes until the end of the
   * transaction, and the transaction never has to upgrade a read lock, which is what fails with SQLITE_BUSY.
   */
  claim(names, params) {
    const { table, columns: c } = names;
    return {
      text: `INSERT INTO ${table} (${c.id}, ${c.scope}, ${c.operation}, ${c.key}, ${c.fingerprint}, ${c.owner}, ${c.status}, ${c.attempt}, ${c.createdAt}, ${c.expiresAt})
VALUES (?, ?, ?, ?, ?, ?, 'in_progress', 1, ${NOW}, ${NOW_PLUS_MS})
ON CONFLICT (${c.id}) DO UPDATE SET
  ${c.fingerprint} = excluded.${c.fingerprint}, ${c.owner} = excluded.${c.owner}, ${c.status} = excluded.${c.status},
  ${c.attempt} = excluded.${c.attempt}, ${c.response} = NULL, ${c.completedAt} = NULL,
  ${c.createdAt} = excluded.${c.createdAt}, ${c.expiresAt} = excluded.${c.expiresAt}
WHERE ${c.expiresAt} <= ${NOW}
RETURNING true AS mine, ${rowOf(names)}`,
      values: [
        params.id,
        params.scope,
        params.operation,
        params.key,
        params.fingerprint,
        params.owner,
        params.retentionMs,
      ],
    };
  },

  /** Under the write lock that the claim took. */
  read(names, id) {
    const { table, columns: c } = names;
    return {
      text: `SELECT false AS mine, ${rowOf(names)} FROM ${table} WHERE ${c.id} = ?`,
      values: [id],
    };
  },

  /** Under the write lock that the claim took. */
  complete({ table, columns: c }, { id, owner, status, response }) {
    return {
      text: `UPDATE ${table} SET ${c.status} = ?, ${c.response} = ?, ${c.completedAt} = ${NOW}
WHERE ${c.id} = ? AND ${c.owner} = ? AND ${c.status} = 'in_progress'`,
      values: [status, response, id, owner],
    };
  },

  /** Takes the write lock for the time of one batch. Index used: `expires_at`. */
  prune({ table, columns: c }, { limit }) {
    return {
      text: `DELETE FROM ${table} WHERE ${c.id} IN (SELECT ${c.id} FROM ${table} WHERE ${c.expiresAt} <= ${NOW} ORDER BY ${c.expiresAt} LIMIT ?)`,
      values: [limit],
    };
  },

  faultOfCode(code, message) {
    // An extended code, such as 517 for a busy snapshot, holds the primary one in its last byte.
    const primary = Number.isNaN(Number(code))
      ? code.replace(/^(SQLITE_[A-Z]+).*/, "$1")
      : String(Number(code) & 0xff);
    return message.includes("no such table") ? "schema_missing" : FAULTS[primary];
  },

  // Transactions of one client queue for a mutex before BEGIN: what is a lock wait elsewhere is a wait to begin here.
  maxWaitMs: 10_000,
};

/** Primary result codes: https://www.sqlite.org/rescode.html */
const FAULTS: Readonly<Record<string, StoreFault>> = {
  "5": "write_conflict", // SQLITE_BUSY
  "6": "write_conflict", // SQLITE_LOCKED
  SQLITE_BUSY: "write_conflict",
  SQLITE_LOCKED: "write_conflict",
};
