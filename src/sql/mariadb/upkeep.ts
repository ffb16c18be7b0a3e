import { forgettingSteps, ofId, whereUnleased } from "../dialect/upkeep/inspection.ts";
import { count, type Listing, stats } from "../dialect/upkeep/listing.ts";
import { upkeepBy } from "../dialect/upkeep/upkeep-by.ts";
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
  ...upkeepBy(LISTING),

  prune,
  sweep,

  /** A row that somebody has locked is being claimed or completed: then it fails at once. */
  forget(names, id) {
    const { table, columns: c } = names.record;
    const record = `SET STATEMENT innodb_lock_wait_timeout = 0 FOR DELETE FROM ${table} WHERE ${whereUnleased(c, "?", NOW)}`;
    return ofId({ record, steps: forgettingSteps(names, "?") }, id);
  },

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
};
