/** Requests as clients make them, before they are written down. */
import fc from "fast-check";
import { changesOf, forms, formTexts, jsonValues, superValues, type Upload, uploads } from "./values.ts";

type Entry = [name: string, value: unknown];

/** tRPC: a mutation, of a router with or without superjson. */
export interface TrpcCall {
  readonly kind: "json" | "superjson";
  readonly path: "record" | "late";
  readonly value: unknown;
}

/** tRPC: a form with files. */
export interface TrpcForm {
  readonly kind: "trpc form";
  readonly router: "json" | "superjson";
  readonly fields: readonly Entry[];
}

/** GraphQL, with its variables and perhaps with a file. */
export interface GraphQLCall {
  readonly kind: "graphql";
  readonly value: unknown;
  readonly file: Upload | undefined;
  readonly operationName: string;
  readonly alias: string;
  /** A literal of the document. */
  readonly note: string;
  /** Where the key is. A field with the directive is a unit of its own. */
  readonly keyIn: "header" | "extensions" | "directive";
}

/** Plain HTTP. */
export interface HttpCall {
  readonly kind: "http";
  readonly method: string;
  readonly path: string;
  readonly query: readonly Entry[];
  readonly body: HttpBody;
}

type HttpBody =
  | { readonly type: "application/json" | "application/problem+json"; readonly value: unknown }
  | {
      readonly type: "application/x-www-form-urlencoded" | "multipart/form-data";
      readonly fields: readonly Entry[];
    }
  | { readonly type: "text/plain" | "application/octet-stream"; readonly bytes: Uint8Array<ArrayBuffer> };

export type Call = TrpcCall | TrpcForm | GraphQLCall | HttpCall;

const fieldsOf = () => forms(fc.oneof(formTexts, uploads));

const trpcPath = fc.constantFrom("record" as const, "late" as const);

const graphql = fc.record({
  kind: fc.constant("graphql" as const),
  value: jsonValues,
  file: fc.option(uploads, { nil: undefined, freq: 3 }),
  operationName: fc.constantFrom("Record", "Other"),
  alias: fc.constantFrom("record", "again", "__proto__"),
  note: fc.string({ maxLength: 5 }),
  keyIn: fc.constantFrom("header" as const, "extensions" as const, "directive" as const),
});

const textFields = forms(formTexts);

const body: fc.Arbitrary<HttpBody> = fc.oneof(
  fc.record({ type: fc.constantFrom("application/json", "application/problem+json"), value: jsonValues }),
  fc.record({ type: fc.constant("application/x-www-form-urlencoded"), fields: textFields }),
  fc.record({ type: fc.constant("multipart/form-data"), fields: fieldsOf() }),
  fc.record({
    type: fc.constantFrom("text/plain", "application/octet-stream"),
    bytes: fc.uint8Array({ maxLength: 30 }).map((bytes) => Uint8Array.from(bytes)),
  }),
) as fc.Arbitrary<HttpBody>;

const http = fc.record({
  kind: fc.constant("http" as const),
  method: fc.constantFrom("POST", "PATCH", "PUT"),
  path: fc.constantFrom("/things", "/things/%C3%BC", "/things/1"),
  query: forms(fc.constantFrom("", "1", "a b", "\u00fc")),
  body,
});

export const calls: fc.Arbitrary<Call> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("json" as const), path: trpcPath, value: jsonValues }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("superjson" as const), path: trpcPath, value: superValues }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("trpc form" as const),
      router: fc.constantFrom("json" as const, "superjson" as const),
      fields: fieldsOf(),
    }),
  },
  { weight: 3, arbitrary: graphql },
  { weight: 4, arbitrary: http },
);

/** Everything that differs from the request in one place and must not be answered with its result. */
export function changesOfCall(call: Call): (() => Call)[] {
  switch (call.kind) {
    case "json":
    case "superjson":
      return changesOf(call.value).map((make) => () => ({ ...call, value: make() }));
    case "trpc form":
      return fieldChanges(call.fields).map((make) => () => ({ ...call, fields: make() }));
    case "graphql":
      return graphqlChanges(call);
    default:
      return [
        () => ({ ...call, method: call.method === "POST" ? "PATCH" : "POST" }),
        () => ({ ...call, path: `${call.path}x` }),
        ...fieldChanges(call.query).map((make) => () => ({ ...call, query: make() })),
        ...bodyChanges(call.body).map((make) => () => ({ ...call, body: make() })),
      ];
  }
}

function graphqlChanges(call: GraphQLCall): (() => Call)[] {
  const { value, file, keyIn } = call;
  const always: (() => Call)[] = [
    ...changesOf(value).map((make) => () => ({ ...call, value: make() })),
    ...(file === undefined ? [] : changesOf(file).map((make) => () => ({ ...call, file: make() as Upload }))),
    () => ({ ...call, note: `${call.note}x` }),
    () => ({ ...call, alias: `${call.alias}x` }),
  ];
  // Where a field is a unit, the rest of the operation may differ.
  return keyIn === "directive" ? always : [...always, () => ({ ...call, operationName: "Changed" })];
}

function bodyChanges(body: HttpBody): (() => HttpBody)[] {
  if ("value" in body) return changesOf(body.value).map((make) => () => ({ ...body, value: make() }));
  if ("fields" in body) return fieldChanges(body.fields).map((make) => () => ({ ...body, fields: make() }));
  return [
    ...changesOf(body.bytes).map((make) => () => ({ ...body, bytes: make() as Uint8Array<ArrayBuffer> })),
    () => ({ ...body, type: body.type === "text/plain" ? "application/octet-stream" : "text/plain" }),
  ];
}

/** Fields have an order, and names that occur again. */
function fieldChanges(fields: readonly Entry[]): (() => Entry[])[] {
  return [
    () => [...fields, ["added", "1"]],
    ...fields.flatMap(([name, value], index): (() => Entry[])[] => [
      () => fields.toSpliced(index, 1),
      () => fields.with(index, [`${name}x`, value]),
      ...changesOf(value).map((make) => (): Entry[] => fields.with(index, [name, make()])),
    ]),
    ...fields.flatMap((field, index) => {
      const before = fields[index - 1];
      return before !== undefined && before[0] !== field[0]
        ? [(): Entry[] => fields.toSpliced(index - 1, 2, field, before)]
        : [];
    }),
  ];
}
