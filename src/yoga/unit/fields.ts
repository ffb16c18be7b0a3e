import { type ExecutionResult, GraphQLError, type GraphQLSchema, isNonNullType } from "graphql";
import { isIdempotencyError } from "../../core/contract/errors.ts";
import { toGraphQLError } from "../errors/graphql-errors.ts";
import { isMetaField, type RootField } from "../request/mutation.ts";
import { inOrder } from "./stored-result.ts";
import type { Answer } from "./unit.ts";

export interface FieldsAnswer {
  readonly result: ExecutionResult;
  /** Response names whose answer is a replay. */
  readonly replayed: readonly string[];
}

/**
 * Executes root fields one after the other with `runField`, and joins their answers as the executor would: a failed field
 * is null; if its type does not allow null, `data` is null and the later fields are not executed.
 */
export async function executeFields(
  schema: GraphQLSchema,
  fields: readonly RootField[],
  runField: (field: RootField) => Promise<Answer>,
): Promise<FieldsAnswer> {
  // Without a prototype, as an alias may be `__proto__`.
  const data = Object.create(null) as Record<string, unknown>;
  const errors: GraphQLError[] = [];
  const replayed: string[] = [];
  let extensions: ExecutionResult["extensions"];
  for (const field of fields) {
    const { responseName } = field;
    const answer = await runField(field).catch((error: unknown) =>
      failedField(field, error, fields.length === 1),
    );
    if (!("data" in answer.result)) {
      return { result: inOrder(answer.result), replayed: [] };
    }
    if (answer.replayed) {
      replayed.push(responseName);
    }
    errors.push(...(answer.result.errors ?? []));
    extensions = answer.result.extensions ? { ...extensions, ...answer.result.extensions } : extensions;
    const value = answer.result.data?.[responseName] ?? null;
    if (value === null && isNonNull(schema, field)) {
      return { result: inOrder({ errors, data: null, extensions }), replayed };
    }
    data[responseName] = value;
  }
  return { result: inOrder({ errors, data, extensions }), replayed };
}

/** @throws an error that is neither ours nor meant for clients. */
function failedField({ nodes, responseName }: RootField, error: unknown, isWholeAnswer: boolean): Answer {
  const place = { nodes, path: [responseName] };
  if (isIdempotencyError(error)) {
    return failed(toGraphQLError(error, { ...place, isWholeAnswer }));
  }
  if (error instanceof GraphQLError) {
    return failed(new GraphQLError(error.message, { ...place, originalError: error }));
  }
  throw error;
}

function failed(error: GraphQLError): Answer {
  return { result: { errors: [error], data: null }, replayed: false };
}

function isNonNull(schema: GraphQLSchema, field: RootField): boolean {
  const definition = schema.getMutationType()?.getFields()[field.fieldName];
  return definition === undefined ? isMetaField(field) : isNonNullType(definition.type);
}
