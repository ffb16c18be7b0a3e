import { Kind, type OperationDefinitionNode, type ValueNode } from "graphql";

/** The variables of a request as sent: not coerced, defaults not applied. */
export type RawVariables = Readonly<Record<string, unknown>>;

/**
 * The value of an argument that is a string or a boolean, read by hand: graphql 16 and 17 disagree on how
 * `getDirectiveValues` wants its variables.
 */
export function scalarValue(
  node: ValueNode | undefined,
  operation: OperationDefinitionNode,
  variables: RawVariables,
): unknown {
  if (node?.kind === Kind.VARIABLE) {
    const name = node.name.value;
    const definition = operation.variableDefinitions?.find((item) => item.variable.name.value === name);
    const given = Object.hasOwn(variables, name) ? variables[name] : undefined;
    return given === undefined ? literal(definition?.defaultValue) : given;
  }
  return literal(node);
}

function literal(node: ValueNode | undefined): unknown {
  switch (node?.kind) {
    case Kind.STRING:
    case Kind.BOOLEAN:
      return node.value;
    case Kind.NULL:
      return null;
    default:
      return undefined;
  }
}
