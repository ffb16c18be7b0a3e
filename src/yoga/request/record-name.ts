import { createHash } from "node:crypto";
import type { RootField } from "./mutation.ts";

/** The longest operation name that a record can hold. */
const LENGTH_MAX = 255;
const HASH_LENGTH = 43;

/** The name of an operation in its record: the names of its root fields, such as `pay,refund`. */
export function operationRecordName(fields: readonly RootField[]): string {
  return bounded(fields.map(({ fieldName }) => fieldName).join(","));
}

/**
 * The name, in its record, of a root field with a key of its own. The alias does not count: if a client or gateway
 * changes it for a retry, the retry is refused because its document changed, and is never executed twice.
 */
export function fieldRecordName({ fieldName }: RootField): string {
  return bounded(fieldName);
}

/** The name of a root field that shares the request's key with others: its alias keeps them apart. */
export function sharedKeyRecordName({ responseName, fieldName }: RootField): string {
  return bounded(responseName === fieldName ? fieldName : `${responseName}:${fieldName}`);
}

/** A name that is too long ends in a hash of the whole. */
function bounded(name: string): string {
  if (name.length <= LENGTH_MAX) {
    return name;
  }
  const hash = createHash("sha256").update(name).digest("base64url");
  return `${name.slice(0, LENGTH_MAX - HASH_LENGTH - 1)}#${hash}`;
}
