import { forgettingSteps, inspecting, ofId, rewriting, whereUnleased } from "../dialect/inspection.ts";
import { count, ids, type Listing, list, placeAfter, stats } from "../dialect/listing.ts";
import type { UpkeepStatements } from "../dialect/upkeep-statements.ts";
import { NOW, placeOf } from "./parts.ts";
import { prune, sweep } from "./prune.ts";

const LISTING: Listing = {
  now: NOW,
  ms: (time) => `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', ${time}) DIV 1000`,
  mark: "`",
  parameter: () => "?",
  text: (time) => `DATE_FORMAT(${time}, '%Y-%m-%dT%H:%i:%s.%f')`,
  timeOf: (text) => `CAST(${text} AS DATETIME(6))`,
  timeOfMs: (ms) => `'1970-01-01' + INTERVAL (${ms} * 1000) MICROSECOND`,
};

export const upkeepOfMariadb: UpkeepStatements = {
  prune,
  sweep,

  inspect: (names, id) => ofId(inspecting(names, "?", LISTING), id),

  /** A row that somebody has locked is being claimed or completed: then it fails at once. */
  forget(names, id) {
    const { table, columns: c } = names.record;
    const record = `SET STATEMENT innodb_lock_wait_timeout = 0 FOR DELETE FROM ${table} WHERE ${whereUnleased(c, "?", NOW)}`;
    return ofId({ record, steps: forgettingSteps(names, "?") }, id);
  },

  rewrite: (names, params) => rewriting(names, params, LISTING.parameter),
  ids: (names, after, limit) => ids(names, after, limit, LISTING),
  list: (names, params) => list(names, params, LISTING),
  placeAfter: (names, after, records) => placeAfter(names, after, records, LISTING),
  // The catalogue's figures are some seconds old.
  stats: (names) => ({
    text: stats(
      names,
      LISTING,
      `(SELECT SUM(data_length + index_length) FROM information_schema.tables
    WHERE (table_schema = COALESCE(?, DATABASE()) AND table_name = ?) OR (table_schema = COALESCE(?, DATABASE()) AND table_name = ?))`,
    ),
    values: [...placeOf(names.record.table), ...placeOf(names.step.table)],
  }),
  count: (names, sinceMs) => count(names, sinceMs, LISTING, `${NOW} - INTERVAL 1 DAY`),

  oldest: ({ record: { table, columns: c } }) => ({
    text: `SELECT ${LISTING.ms(`MIN(${c.expiresAt})`)} AS expiresAtMs, ${LISTING.ms(NOW)} AS nowMs FROM ${table}`,
    values: [],
  }),
};
