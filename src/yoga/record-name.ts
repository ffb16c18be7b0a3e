import { createHash } from "node:crypto";
import type { RootField } from "./mutation.ts";

/** The longest name of an operation that a record can have. */
const LENGTH_MAX = 255;
const HASH_LENGTH = 43;

/**
 * What a unit is called in its record: the names of its root fields, with aliases, such as `pay,refund` or `a:pay`.
 * A longer name ends in a hash of the whole.
 */
export function recordName(fields: readonly RootField[]): string {
  const name = fields
    .map(({ responseName, fieldName }) =>
      responseName === fieldName ? fieldName : `${responseName}:${fieldName}`,
    )
    .join(",");
  if (name.length <= LENGTH_MAX) {
    return name;
  }
  const hash = createHash("sha256").update(name).digest("base64url");
  return `${name.slice(0, LENGTH_MAX - HASH_LENGTH - 1)}#${hash}`;
}
