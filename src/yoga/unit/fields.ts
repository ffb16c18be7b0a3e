import { type ExecutionResult, GraphQLError, type GraphQLSchema, isNonNullType } from "graphql";
import type { Told } from "../../core/adapter/told-outcome.ts";
import { isIdempotencyError } from "../../core/contract/errors/errors.ts";
import { tellRefusal } from "../../core/events/call-events.ts";
import { toGraphQLError } from "../errors/graphql-errors.ts";
import { isMetaField, type RootField } from "../request/mutation.ts";
import { inOrder } from "./stored-result.ts";
import { type Answer, type ToldUnits, toldOf } from "./told.ts";

export interface FieldsAnswer extends ToldUnits {
  readonly result: ExecutionResult;
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
  const told = Object.create(null) as Record<string, Told>;
  let extensions: ExecutionResult["extensions"];
  let isMade = false;
  for (const field of fields) {
    const { responseName } = field;
    const answer = await runField(field);
    if (answer.told !== undefined) {
      told[responseName] = answer.told;
    }
    if (!("data" in answer.result)) {
      return { result: inOrder(answer.result), told, isWhole: false, isPartial: isMade };
    }
    errors.push(...(answer.result.errors ?? []));
    extensions = answer.result.extensions ? { ...extensions, ...answer.result.extensions } : extensions;
    const value = answer.result.data?.[responseName] ?? null;
    isMade ||= value !== null || (answer.result.errors ?? []).length === 0;
    if (value === null && isNonNull(schema, field)) {
      const isWhole = field === fields.at(-1);
      return { result: inOrder({ errors, data: null, extensions }), told, isWhole, isPartial: isMade };
    }
    data[responseName] = value;
  }
  const isPartial = isMade && errors.length > 0;
  return { result: inOrder({ errors, data, extensions }), told, isWhole: true, isPartial };
}

/**
 * The answer of a field that is a unit of its own and that was refused, or released.
 *
 * @throws an error that is neither ours nor meant for clients.
 */
export function failedField(
  { nodes, responseName, fieldName }: RootField,
  error: unknown,
  isWholeAnswer: boolean,
): Answer {
  const place = { nodes, path: [responseName] };
  if (isIdempotencyError(error)) {
    tellRefusal(error, fieldName);
    return failed(toGraphQLError(error, { ...place, isWholeAnswer }), toldOf(error));
  }
  if (error instanceof GraphQLError) {
    return failed(new GraphQLError(error.message, { ...place, originalError: error }), toldOf(error));
  }
  throw error;
}

function failed(error: GraphQLError, told: Told | undefined): Answer {
  return { result: { errors: [error], data: null }, told };
}

function isNonNull(schema: GraphQLSchema, field: RootField): boolean {
  const definition = schema.getMutationType()?.getFields()[field.fieldName];
  return definition === undefined ? isMetaField(field) : isNonNullType(definition.type);
}
