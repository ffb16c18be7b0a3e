import type { GraphQLSchema } from "graphql";
import { isKeyRequired, type RequireKey } from "./options.ts";

/** A root field of the mutation type, and whether a request for it alone must carry a key. */
export interface AuditedField {
  readonly field: string;
  readonly keyRequired: boolean;
}

/** Lists the root mutation fields in schema order: for a test that no mutation was left undecided. */
export function auditSchema(
  schema: GraphQLSchema,
  options: { readonly require?: RequireKey } = {},
): readonly AuditedField[] {
  const { require = "none" } = options;
  const fields = schema.getMutationType()?.getFields() ?? {};
  return Object.keys(fields).map((field) => ({
    field,
    keyRequired: isKeyRequired(require, { name: undefined, rootFields: [field] }),
  }));
}
