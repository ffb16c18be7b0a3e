import {
  type DocumentNode,
  type ExecutionArgs,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionNode,
} from "graphql";
import { type RawVariables, scalarValue } from "./variables.ts";

/** A mutation about to be executed. */
export interface Mutation {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly variables: RawVariables;
  /** The name of the directive that carries keys. */
  readonly directive: string;
  /** In the order of the response, without skipped fields. */
  readonly fields: readonly RootField[];
  /** All that the document has, whatever `@include` and `@skip` say: for what must not depend on variables. */
  readonly allFields: readonly RootField[];
}

/** A root field of the response. */
export interface RootField {
  /** The alias, or the name. */
  readonly responseName: string;
  readonly fieldName: string;
  /** Selections with the same response name are one field, with their sub-selections merged. */
  readonly nodes: readonly [FieldNode, ...FieldNode[]];
}

export function isMutation({ document, operationName }: ExecutionArgs): boolean {
  return getOperationAST(document, operationName)?.operation === OperationTypeNode.MUTATION;
}

/** @throws GraphQLError where the executor would throw the same. */
export function readMutation(
  { document, operationName, variableValues }: ExecutionArgs,
  directive: string,
): Mutation {
  const operation = getOperationAST(document, operationName) as OperationDefinitionNode;
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) {
      fragments.set(definition.name.value, definition);
    }
  }
  const variables = variableValues ?? {};
  const unread = { document, operation, fragments, variables, directive };
  return {
    ...unread,
    fields: collectRootFields(unread, (node) => isIncluded(node, unread)),
    allFields: collectRootFields(unread, () => true),
  };
}

/** Whether the field is the schema's own, such as `__typename`, and mutates nothing. */
export function isMetaField({ fieldName }: RootField): boolean {
  return fieldName.startsWith("__");
}

type UnreadMutation = Omit<Mutation, "fields" | "allFields">;

/** The root fields, as the specification's CollectFields gives them. */
function collectRootFields(
  mutation: UnreadMutation,
  isCollected: (node: SelectionNode) => boolean,
): RootField[] {
  const nodesByName = new Map<string, [FieldNode, ...FieldNode[]]>();
  const spread = new Set<string>();
  const collect = (selections: readonly SelectionNode[]): void => {
    for (const selection of selections) {
      if (!isCollected(selection)) {
        continue;
      }
      if (selection.kind === Kind.FIELD) {
        const name = (selection.alias ?? selection.name).value;
        const nodes = nodesByName.get(name);
        nodesByName.set(name, nodes === undefined ? [selection] : [...nodes, selection]);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        // Validation accepts only type conditions that always hold for the root type.
        collect(selection.selectionSet.selections);
      } else if (!spread.has(selection.name.value)) {
        spread.add(selection.name.value);
        collect(mutation.fragments.get(selection.name.value)?.selectionSet.selections ?? []);
      }
    }
  };
  collect(mutation.operation.selectionSet.selections);
  return Array.from(nodesByName, ([responseName, nodes]) => ({
    responseName,
    fieldName: nodes[0].name.value,
    nodes,
  }));
}

function isIncluded(node: SelectionNode, mutation: UnreadMutation): boolean {
  return condition(node, "skip", mutation) !== true && condition(node, "include", mutation) !== false;
}

/** Anything other than a boolean or null is left to the executor, which refuses it before it executes a field. */
function condition(node: SelectionNode, name: string, mutation: UnreadMutation): unknown {
  const directive = node.directives?.find((item) => item.name.value === name);
  const argument = directive?.arguments?.find((item) => item.name.value === "if");
  const value = scalarValue(argument?.value, mutation.operation, mutation.variables);
  if (argument !== undefined && value === null) {
    throw new GraphQLError('Argument "if" of non-null type "Boolean!" must not be null.', {
      nodes: argument.value,
    });
  }
  return value;
}
