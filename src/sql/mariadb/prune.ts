import type { PruneParams } from "../../core/contract/upkeep-store.ts";
import type { Names } from "../dialect/names.ts";
import { whereExpired, whereOrphaned } from "../dialect/parts.ts";
import type { Pruning, Write } from "../dialect/statement.ts";
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

/** A table that a DELETE reads must stand in a query of its own. */
export function sweep(names: Names, { limit }: PruneParams): Write {
  const { table, columns } = names.step;
  return {
    text: `DELETE d FROM ${table} AS d JOIN (
  SELECT s.${columns.recordId} AS id, s.${columns.name} AS name FROM ${table} AS s WHERE ${whereOrphaned(names)} LIMIT ?
) AS orphan ON d.${columns.recordId} = orphan.id AND d.${columns.name} = orphan.name`,
    values: [limit],
  };
}
