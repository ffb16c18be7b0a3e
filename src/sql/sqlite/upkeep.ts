import type { Names } from "../dialect/names.ts";
import { whereExpired, whereOrphaned } from "../dialect/parts.ts";
import { forgettingSteps, ofId, whereUnleased } from "../dialect/upkeep/inspection.ts";
import { count, type Listing, stats } from "../dialect/upkeep/listing.ts";
import { upkeepBy } from "../dialect/upkeep/upkeep-by.ts";
import type { UpkeepStatements } from "../dialect/upkeep-statements.ts";
import { NOW } from "./parts.ts";

const LISTING: Listing = {
  now: NOW,
  ms: (time) => `CAST(round((julianday(${time}) - 2440587.5) * 86400000) AS INTEGER)`,
  mark: '"',
  parameter: (number) => `?${number}`,
  // Adapters make a date of what comes out of a column of dates.
  text: (time) => `${time} || ''`,
  timeOf: (text) => text,
  // Without a condition it reads the whole table and sorts it: https://www.sqlite.org/queryplanner-ng.html
  anyTime: (time) => `${time} > ''`,
  timeOfMs: (ms) => `strftime('%Y-%m-%dT%H:%M:%f+00:00', ${ms} / 1000.0, 'unixepoch')`,
};

export const upkeepOfSqlite: UpkeepStatements = {
  ...upkeepBy(LISTING),

  /**
   * Each statement takes the write lock for itself. Steps go first, because nothing finds them once their record is gone.
   * A record that still has steps, as it expired in between or its steps exceed the batch, stays for the next batch.
   */
  prune(names, { limit }) {
    const { record, step } = names;
    const hasSteps = `EXISTS (SELECT 1 FROM ${step.table} WHERE ${step.columns.recordId} = ${record.table}.${record.columns.id})`;
    const writes = [
      {
        text: `DELETE FROM ${step.table} WHERE ${step.columns.recordId} IN (${toPrune(names)})`,
        values: [limit],
      },
      {
        text: `DELETE FROM ${record.table} WHERE ${record.columns.id} IN (${toPrune(names, `NOT ${hasSteps}`)})`,
        values: [limit],
      },
    ];
    return { writes };
  },

  sweep(names, { limit }) {
    const { table } = names.step;
    const orphaned = whereOrphaned(names, "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '-1 hour')");
    const text = `DELETE FROM ${table} WHERE rowid IN (SELECT s.rowid FROM ${table} AS s WHERE ${orphaned} LIMIT ?)`;
    return { writes: [{ text, values: [limit] }] };
  },

  forget(names, id) {
    const { table, columns: c } = names.record;
    const record = `DELETE FROM ${table} WHERE ${whereUnleased(c, "?", NOW)}`;
    return ofId({ record, steps: forgettingSteps(names, "?") }, id);
  },

  // libsql has no dbstat: https://www.sqlite.org/dbstat.html
  stats: (names) => ({ text: stats(names, LISTING, "NULL"), values: [] }),
  count: (names, sinceMs) =>
    count(names, sinceMs, LISTING, "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '-1 day')"),
};

/** The ids of the records to prune, oldest first. Index used: `expires_at`. */
function toPrune({ record: { table, columns: c } }: Names, condition = "true"): string {
  return `SELECT ${c.id} FROM ${table} WHERE ${whereExpired(c, NOW)} AND ${condition} ORDER BY ${c.expiresAt} LIMIT ?`;
}
