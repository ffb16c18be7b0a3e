import { createHash } from "node:crypto";
import { directiveOf } from "./directive.ts";
import type { Mutation, RootField } from "./mutation.ts";
import { isMetaField } from "./mutation.ts";

/**
 * The name of a whole operation in its record. The same for all: whatever a request with one key changes, it is refused,
 * because its document or its variables changed, and is never executed as another operation.
 */
export const OPERATION_RECORD_NAME = "mutation";

/**
 * The name, in its record, of a root field with a key of its own. The alias does not count: if a client or gateway
 * changes it for a retry, the retry is refused because its document changed, and is never executed twice.
 */
export function fieldRecordName({ fieldName }: RootField): string {
  return bounded(`mutation ${fieldName}`);
}

/** The longest operation name that a record can hold. */
const LENGTH_MAX = 255;
const HASH_LENGTH = 43;

/** A name that is too long ends in a hash of the whole. */
function bounded(name: string): string {
  if (name.length <= LENGTH_MAX) {
    return name;
  }
  const hash = createHash("sha256").update(name).digest("base64url");
  return `${name.slice(0, LENGTH_MAX - HASH_LENGTH - 1)}#${hash}`;
}

/**
 * The name of a root field that shares the request's key with others: by its place among them in the document, so that
 * neither another field nor another alias gives a second record.
 */
export function sharedKeyRecordName({ allFields, directive }: Mutation, { responseName }: RootField): string {
  const sharing = allFields.filter(
    (field) => !isMetaField(field) && field.nodes.every((node) => directiveOf(node, directive) === undefined),
  );
  const place = sharing.findIndex((field) => field.responseName === responseName);
  return place <= 0 ? OPERATION_RECORD_NAME : `mutation ${place + 1}`;
}
