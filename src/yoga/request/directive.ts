import {
  DirectiveLocation,
  type DirectiveNode,
  type FieldNode,
  GraphQLDirective,
  GraphQLNonNull,
  GraphQLSchema,
  GraphQLString,
} from "graphql";

const NAME = "idempotent";

/** `@idempotent(key: String!) on FIELD`: gives one root field of a mutation its own key. */
export const idempotentDirective: GraphQLDirective = new GraphQLDirective({
  name: NAME,
  description:
    "Executes this root field of a mutation once per key; a repetition with the same key gets the stored result.",
  locations: [DirectiveLocation.FIELD],
  args: {
    key: { type: new GraphQLNonNull(GraphQLString), description: "1 to 255 printable ASCII characters." },
  },
});

// A server may choose among several schemas per request, and hand each to us again and again.
const extended = new WeakMap<GraphQLSchema, GraphQLSchema>();

/** `schema` with the directive, or `schema` itself if it needs none or has its own. */
export function withDirective(schema: GraphQLSchema): GraphQLSchema {
  if (!schema.getMutationType() || schema.getDirective(NAME)) {
    return schema;
  }
  let result = extended.get(schema);
  if (result === undefined) {
    const config = schema.toConfig();
    result = new GraphQLSchema({ ...config, directives: [...config.directives, idempotentDirective] });
    extended.set(schema, result);
  }
  return result;
}

export function directiveOf(node: FieldNode): DirectiveNode | undefined {
  return node.directives?.find(isIdempotentDirective);
}

/** The field without its key: what a retry must repeat, even if its variable for the key has another name. */
export function withoutDirective(node: FieldNode): FieldNode {
  return {
    ...node,
    directives: (node.directives ?? []).filter((directive) => !isIdempotentDirective(directive)),
  };
}

function isIdempotentDirective(directive: DirectiveNode): boolean {
  return directive.name.value === NAME;
}
