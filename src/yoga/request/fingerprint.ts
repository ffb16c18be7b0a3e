import { createHash } from "node:crypto";
import { type ASTNode, type DocumentNode, Kind, print, visit } from "graphql";
import { withoutDirective } from "./directive.ts";
import type { Mutation, RootField } from "./mutation.ts";

// Servers parse a document once and reuse it.
const hashes = new WeakMap<DocumentNode, string>();

/** What a retry of the whole operation must repeat. White space and comments do not count. */
export function operationInput({ document, operation, variables }: Mutation): unknown {
  return { document: documentHash(document), operation: operation.name?.value, variables };
}

/**
 * What a retry of one root field must repeat: the field without its key, the fragments it reaches, and the variables
 * used there. The rest of the operation may change between two attempts.
 */
export function fieldInput(mutation: Mutation, { nodes }: RootField): unknown {
  const parts: ASTNode[] = nodes.map((node) => withoutDirective(node, mutation.directive));
  const variableNames = new Set<string>();
  const fragmentNames = new Set<string>();
  // The array grows while it is walked: each fragment found is added as a part to visit.
  for (const part of parts) {
    visit(part, {
      Variable: (node) => void variableNames.add(node.name.value),
      FragmentSpread({ name: { value: name } }) {
        const fragment = mutation.fragments.get(name);
        if (fragment !== undefined && !fragmentNames.has(name)) {
          fragmentNames.add(name);
          parts.push(fragment);
        }
      },
    });
  }
  const definitions = mutation.operation.variableDefinitions?.filter((item) =>
    variableNames.has(item.variable.name.value),
  );
  const used = Object.entries(mutation.variables).filter(([name]) => variableNames.has(name));
  return {
    field: [...parts, ...(definitions ?? [])].map((part) => print(part)).join("\n"),
    variables: Object.fromEntries(used),
  };
}

/** A document with only one root field. Fragments are unchanged, and every node keeps its position. */
export function documentOfField({ document, operation }: Mutation, { nodes }: RootField): DocumentNode {
  const alone = { ...operation, selectionSet: { ...operation.selectionSet, selections: nodes } };
  const fragments = document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
  return { ...document, definitions: [alone, ...fragments] };
}

function documentHash(document: DocumentNode): string {
  let hash = hashes.get(document);
  if (hash === undefined) {
    hash = createHash("sha256").update(print(document)).digest("base64url");
    hashes.set(document, hash);
  }
  return hash;
}
