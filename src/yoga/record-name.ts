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
 * What a root field with a key of its own is called in its record. Its alias does not count: a client or gateway that
 * names it anew for a retry is refused, as its document changed, and never executed twice.
 */
export function fieldRecordName({ fieldName }: RootField): string {
  return bounded(fieldName);
}

/** What a root field is called that shares the request's key with others: by its alias, which keeps them apart. */
export function sharedKeyRecordName({ responseName, fieldName }: RootField): string {
  return bounded(responseName === fieldName ? fieldName : `${responseName}:${fieldName}`);
}

/** A longer name ends in a hash of the whole. */
function bounded(name: string): string {
  if (name.length <= LENGTH_MAX) {
    return name;
  }
  const hash = createHash("sha256").update(name).digest("base64url");
  return `${name.slice(0, LENGTH_MAX - HASH_LENGTH - 1)}#${hash}`;
}
