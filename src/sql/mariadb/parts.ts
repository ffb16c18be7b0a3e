import { partsOf } from "../dialect/names.ts";
import type { Write } from "../dialect/statement.ts";

/**
 * UTC in sessions of every time zone: a DATETIME has none. It stands still while a statement runs, so what has waited for a
 * lock sees the time before that.
 */
export const NOW = "UTC_TIMESTAMP(3)";

/** A list of texts, in a parameter. With a collation other than that of what they are compared with, no index is used. */
export const texts = (type: string): string => `JSON_TABLE(?, '$[*]' COLUMNS (v ${type} PATH '$'))`;
export const IDS: string = texts("VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin");

/** The schema, NULL for that of the connection, and the name of a table. */
export function placeOf(table: string): Write["values"] {
  const { schema, name } = partsOf(table);
  return [schema ?? null, name];
}
