import {
  DirectiveLocation,
  type DirectiveNode,
  type FieldNode,
  GraphQLDirective,
  GraphQLNonNull,
  GraphQLSchema,
  GraphQLString,
} from "graphql";

/** What the directive is called, unless option `directive` says otherwise. */
export const DIRECTIVE_NAME = "idempotent";

/** `@idempotent(key: String!) on FIELD`: gives one root field of a mutation its own key. */
export const idempotentDirective: GraphQLDirective = directiveNamed(DIRECTIVE_NAME);

function directiveNamed(name: string): GraphQLDirective {
  return new GraphQLDirective({
    name,
    description:
      "Executes this root field of a mutation once per key; a repetition with the same key gets the stored result.",
    locations: [DirectiveLocation.FIELD],
    args: {
      key: { type: new GraphQLNonNull(GraphQLString), description: "1 to 255 printable ASCII characters." },
    },
  });
}

// A server may choose among several schemas per request, and hand each to us again and again.
const extended = new WeakMap<GraphQLSchema, Map<string, GraphQLSchema>>();

/**
 * `schema` with the directive, or `schema` itself if it needs none or has it.
 *
 * @throws TypeError for a schema with a directive of that name which is another one.
 */
export function withDirective(schema: GraphQLSchema, name: string): GraphQLSchema {
  if (!schema.getMutationType()) {
    return schema;
  }
  const own = schema.getDirective(name);
  if (own) {
    checkOwnDirective(own);
    return schema;
  }
  const known = extended.get(schema) ?? new Map<string, GraphQLSchema>();
  extended.set(schema, known);
  let result = known.get(name);
  if (result === undefined) {
    const config = schema.toConfig();
    const ours = name === DIRECTIVE_NAME ? idempotentDirective : directiveNamed(name);
    result = new GraphQLSchema({ ...config, directives: [...config.directives, ours] });
    known.set(name, result);
  }
  return result;
}

function checkOwnDirective({ name, locations, args }: GraphQLDirective): void {
  const [key] = args;
  const isOurs =
    locations.includes(DirectiveLocation.FIELD) &&
    args.length === 1 &&
    key?.name === "key" &&
    isText(key.type);
  if (!isOurs) {
    throw new TypeError(
      `onceonly: the schema has a directive @${name} of its own, which is not @${name}(key: String!) on FIELD; give ` +
        'useIdempotency option directive another name, such as "onceOnly".',
    );
  }
}

function isText(type: unknown): boolean {
  return /^String!?$/.test(String(type));
}

export function directiveOf(node: FieldNode, name: string): DirectiveNode | undefined {
  return node.directives?.find((directive) => directive.name.value === name);
}

/** The field without its key: what a retry must repeat, even if its variable for the key has another name. */
export function withoutDirective(node: FieldNode, name: string): FieldNode {
  return {
    ...node,
    directives: (node.directives ?? []).filter((directive) => directive.name.value !== name),
  };
}
