import { whereExpired, whereOrphaned } from "../dialect/parts.ts";
import { forgettingSteps, ofId, whereUnleased } from "../dialect/upkeep/inspection.ts";
import { count, type Listing, stats } from "../dialect/upkeep/listing.ts";
import { upkeepBy } from "../dialect/upkeep/upkeep-by.ts";
import type { UpkeepStatements } from "../dialect/upkeep-statements.ts";
import { NOW } from "./parts.ts";

const UTC = `'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'`;

const LISTING: Listing = {
  now: NOW,
  ms: (time) => `(extract(epoch FROM ${time}) * 1000)::float8`,
  mark: '"',
  parameter: (number) => `$${number}`,
  text: (time) => `to_char(${time} AT TIME ZONE 'UTC', ${UTC})`,
  timeOf: (text) => `${text}::timestamptz`,
  timeOfMs: (ms) => `to_timestamp(${ms}::float8 / 1000)`,
};

export const upkeepOfPostgresql: UpkeepStatements = {
  ...upkeepBy(LISTING),

  /**
   * Locks the rows it deletes and skips those that a claim is taking over. Rows are found by `ctid`, which cannot change while
   * they are locked; in a partitioned table, other rows of other partitions have the same. Index used: `expires_at`.
   */
  prune({ record: { table, columns: c }, step }, { limit }) {
    const writes = [
      {
        text: `WITH doomed AS MATERIALIZED (
  SELECT ctid AS place, ${c.id} AS id FROM ${table}
  WHERE ${whereExpired(c, "now()")}
  ORDER BY ${c.expiresAt} LIMIT $1::int FOR UPDATE SKIP LOCKED
), steps AS (
  DELETE FROM ${step.table} WHERE ${step.columns.recordId} IN (SELECT id FROM doomed)
)
DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT place FROM doomed)) AND ${c.id} IN (SELECT id FROM doomed)`,
        values: [limit],
      },
    ];
    return { writes };
  },

  sweep(names, { limit }) {
    const { table } = names.step;
    const orphaned = whereOrphaned(names, `${NOW} - interval '1 hour'`);
    const text = `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
  SELECT s.ctid FROM ${table} AS s WHERE ${orphaned} LIMIT $1::int FOR UPDATE SKIP LOCKED))`;
    return { writes: [{ text, values: [limit] }] };
  },

  /** A row that somebody has locked is being claimed or completed. */
  forget(names, id) {
    const { table, columns: c } = names.record;
    const unlocked = `SELECT ${c.id} FROM ${table} WHERE ${whereUnleased(c, "$1", NOW)} FOR UPDATE SKIP LOCKED`;
    const record = `DELETE FROM ${table} WHERE ${c.id} IN (${unlocked})`;
    return ofId({ record, steps: forgettingSteps(names, "$1") }, id);
  },

  // Of a partitioned table, its partitions have the bytes.
  stats: (names) => ({
    text: stats(
      names,
      LISTING,
      `(SELECT SUM(pg_total_relation_size(oid))::float8 FROM pg_class WHERE oid IN (SELECT to_regclass(name) FROM unnest($1::text[]) AS name)
    OR oid IN (SELECT relid FROM unnest($1::text[]) AS name, pg_partition_tree(to_regclass(name))))`,
    ),
    values: [[names.record.table, names.step.table]],
  }),
  count: (names, sinceMs) => count(names, sinceMs, LISTING, `${NOW} - interval '1 day'`),
};
