import {
  type DirectiveNode,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from "graphql";
import { directiveOf } from "./directive.ts";
import type { Mutation } from "./mutation.ts";

/** Directives of an operation that a unit cannot honour. */
interface Findings {
  readonly directive: string;
  /** `@defer` or `@stream`. */
  readonly incremental: DirectiveNode | undefined;
  /** The directive with the key, below the root. */
  readonly misplaced: DirectiveNode | undefined;
}

// Servers parse a document once and reuse it.
const found = new WeakMap<OperationDefinitionNode, Findings>();

/** @throws GraphQLError when the directive with the key is placed where it would protect nothing. */
export function refuseMisplacedKeys(mutation: Mutation): void {
  const { misplaced } = findingsOf(mutation);
  if (misplaced !== undefined) {
    throw refusal(
      "IDEMPOTENCY_KEY_INVALID",
      `@${mutation.directive} belongs on a root field of the mutation; below the root it protects nothing.`,
      misplaced,
    );
  }
}

/** @throws GraphQLError when the answer would arrive in parts: the unit ends before the later parts arrive. */
export function refuseIncrementalDelivery(mutation: Mutation): void {
  const { incremental } = findingsOf(mutation);
  if (incremental !== undefined) {
    throw refusal(
      "IDEMPOTENCY_RESULT_UNSTORABLE",
      `@${incremental.name.value} cannot be used in a mutation that is executed as one unit; ask for the whole answer.`,
      incremental,
    );
  }
}

function refusal(code: string, message: string, nodes: DirectiveNode): GraphQLError {
  return new GraphQLError(message, { nodes, extensions: { code, http: { status: 400 } } });
}

function findingsOf(mutation: Mutation): Findings {
  const known = found.get(mutation.operation);
  if (known?.directive === mutation.directive) {
    return known;
  }
  const findings = search(mutation);
  found.set(mutation.operation, findings);
  return findings;
}

function search({ operation, fragments, directive }: Mutation): Findings {
  let incremental: DirectiveNode | undefined;
  let misplaced: DirectiveNode | undefined;
  const visited = new Set<string>();
  const walk = ({ selections }: SelectionSetNode, isRoot: boolean): void => {
    for (const selection of selections) {
      incremental ??= selection.directives?.find(
        ({ name }) => name.value === "defer" || name.value === "stream",
      );
      if (selection.kind === Kind.FIELD) {
        misplaced ??= isRoot ? undefined : directiveOf(selection, directive);
        if (selection.selectionSet !== undefined) {
          walk(selection.selectionSet, false);
        }
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        walk(selection.selectionSet, isRoot);
      } else {
        const fragment = fragments.get(selection.name.value);
        const visit = `${isRoot ? "root" : "below"} ${selection.name.value}`;
        if (fragment !== undefined && !visited.has(visit)) {
          visited.add(visit);
          walk(fragment.selectionSet, isRoot);
        }
      }
    }
  };
  walk(operation.selectionSet, true);
  return { directive, incremental, misplaced };
}
