import type { GraphQLSchema } from "graphql";
import { checkRequireKeyOption, isKeyRequired, type RequireKey } from "./options.ts";

/** A root field of the mutation type, and whether a request for it alone must carry a key. */
export interface AuditedField {
  readonly field: string;
  readonly keyRequired: boolean;
}

/**
 * Lists the root mutation fields in schema order: for a test of which mutations clients may send without a key. Give it the
 * `requireKey` of {@link useIdempotency}, which is `true` by default.
 *
 * @throws TypeError for a `requireKey` that cannot be used.
 */
export function auditSchema(
  schema: GraphQLSchema,
  options: { readonly requireKey?: RequireKey } = {},
): readonly AuditedField[] {
  checkRequireKeyOption(options);
  const { requireKey = true } = options;
  const fields = schema.getMutationType()?.getFields() ?? {};
  return Object.keys(fields).map((field) => ({
    field,
    keyRequired: isKeyRequired(requireKey, { name: undefined, rootFields: [field] }),
  }));
}
