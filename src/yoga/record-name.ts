import { createHash } from "node:crypto";
import type { RootField } from "./mutation.ts";

/** The longest name of an operation that a record can have. */
const LENGTH_MAX = 255;
const HASH_LENGTH = 43;

/** What an operation is called in its record: the names of its root fields, such as `pay,refund`. */
export function operationRecordName(fields: readonly RootField[]): string {
  return bounded(fields.map(({ fieldName }) => fieldName).join(","));
}

/**
 * What a root field is called in its record: `pay`, or `a:pay` for an alias beside other `pay`s. The alias of a field
 * that stands alone does not count: a client or gateway that names it anew for a retry is refused, not executed twice.
 */
export function fieldRecordName({ responseName, fieldName }: RootField, all: readonly RootField[]): string {
  const isAlone = all.filter((other) => other.fieldName === fieldName).length === 1;
  return bounded(isAlone || responseName === fieldName ? fieldName : `${responseName}:${fieldName}`);
}

/** A longer name ends in a hash of the whole. */
function bounded(name: string): string {
  if (name.length <= LENGTH_MAX) {
    return name;
  }
  const hash = createHash("sha256").update(name).digest("base64url");
  return `${name.slice(0, LENGTH_MAX - HASH_LENGTH - 1)}#${hash}`;
}
