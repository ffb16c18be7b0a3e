import type { PruneParams } from "../../core/contract/upkeep/upkeep-store.ts";
import type { Names } from "../dialect/names.ts";
import { whereExpired, whereOrphaned } from "../dialect/parts.ts";
import type { Pruning } from "../dialect/statement.ts";
import { IDS, NOW } from "./parts.ts";

/**
 * Locks the rows of the batch and skips those that a claim is taking over: a DELETE cannot, and would fail at the first of
 * them. That they are still expired is asked again, should the transaction have ended in between. Index used: `expires_at`.
 */
export function prune({ record: { table, columns: c }, step }: Names, { limit }: PruneParams): Pruning {
  const listed = `${IDS} AS listed`;
  return {
    batch: {
      text: `SELECT ${c.id} AS id FROM ${table} WHERE ${whereExpired(c, NOW)} ORDER BY ${c.expiresAt} LIMIT ? FOR UPDATE SKIP LOCKED`,
      values: [limit],
    },
    writesFor: (ids) => {
      const values = [JSON.stringify(ids)];
      const doomed = `JOIN ${table} AS r ON r.${c.id} = listed.v`;
      return [
        {
          text: `DELETE s FROM ${listed} ${doomed} JOIN ${step.table} AS s ON s.${step.columns.recordId} = listed.v
WHERE ${whereExpired(c, NOW, "r.")}`,
          values,
        },
        { text: `DELETE r FROM ${listed} ${doomed} WHERE ${whereExpired(c, NOW, "r.")}`, values },
      ];
    },
  };
}

const AN_HOUR_AGO = `${NOW} - INTERVAL 1 HOUR`;

/**
 * Reads first, without a lock: a DELETE would lock all that it reads, wait for every run under way, and keep every fresh key out
 * meanwhile.
 */
export function sweep(names: Names, { limit }: PruneParams): Pruning {
  const { table, columns } = names.step;
  return {
    batch: {
      text: `SELECT DISTINCT s.${columns.recordId} AS id FROM ${table} AS s WHERE ${whereOrphaned(names, AN_HOUR_AGO)} LIMIT ?`,
      values: [limit],
    },
    writesFor: (ids) => [
      {
        text: `DELETE s FROM ${IDS} AS listed JOIN ${table} AS s ON s.${columns.recordId} = listed.v
WHERE s.${columns.createdAt} <= ${AN_HOUR_AGO}`,
        values: [JSON.stringify(ids)],
      },
    ],
  };
}
