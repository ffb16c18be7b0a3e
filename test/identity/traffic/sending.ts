/** Sends requests, each time written down in another way and in other company. */
import { randomUUID } from "node:crypto";
import superjson from "superjson";
import { type Random, seeded } from "../../chaos/seeded.ts";
import type { Call, GraphQLCall, HttpCall, TrpcCall, TrpcForm } from "./requests.ts";
import { reordered, Upload } from "./values.ts";

/** What an answer tells of one call. */
export interface Reply {
  status: number;
  outcome: string | undefined;
  replayed: boolean;
  /** What the handler returned, as its client sees it. */
  data: string;
}

/** `style` decides how the request is written. */
export function send(origin: string, call: Call, key: string, style: number): Promise<Reply> {
  const random = seeded(style);
  switch (call.kind) {
    case "json":
    case "superjson":
      return sendTrpc(origin, call, key, random);
    case "trpc form":
      return sendTrpcForm(origin, call, key);
    case "graphql":
      return sendGraphQL(origin, call, key, random);
    default:
      return sendHttp(origin, call, key, random);
  }
}

const oneOf = <T>(random: Random, items: readonly [T, ...T[]]): T =>
  items[Math.floor(random.next() * items.length)] ?? items[0];

const SPACES = ["", "", "", " ", "\n", "\t", "\r\n  "] as const;

/** JSON with white space of any kind, keys in any order, and characters that are escaped or not. */
function written(value: unknown, random: Random): string {
  const space = () => oneOf(random, SPACES);
  const text = (from: string) =>
    JSON.stringify(from).replace(/^"([a-z])/, (all, letter: string) =>
      random.next() < 0.2 ? `"\\u00${letter.charCodeAt(0).toString(16)}` : all,
    );
  const write = (from: unknown): string => {
    if (typeof from === "string") return text(from);
    if (Object.is(from, -0)) return "-0";
    if (typeof from !== "object" || from === null) return JSON.stringify(from);
    if (Array.isArray(from)) return `[${from.map((item) => space() + write(item) + space()).join(",")}]`;
    const entries = random.shuffled(Object.entries(from)).filter(([, item]) => item !== undefined);
    return `{${entries.map(([name, item]) => `${space()}${text(name)}${space()}:${space()}${write(item)}`).join(`${space()},`)}${space()}}`;
  };
  return space() + write(value) + space();
}

/** Up to three of them before and after. */
function inCompany<T>(one: T, other: () => T, random: Random): { all: [T, ...T[]]; place: number } {
  const before = Array.from({ length: Math.floor(random.next() * 3) }, other);
  const after = Array.from({ length: Math.floor(random.next() * 3) }, other);
  return { all: [...before, one, ...after] as [T, ...T[]], place: before.length };
}

const noise = (random: Random): Record<string, string> => ({
  "user-agent": oneOf(random, ["one", "other"]),
  traceparent: randomUUID(),
});

async function post(url: string, headers: Record<string, string>, body: BodyInit, method = "POST") {
  const response = await fetch(url, { method, headers, body });
  return {
    status: response.status,
    headers: response.headers,
    json: JSON.parse(await response.text()) as unknown,
  };
}

const JSON_TYPES = ["application/json", "application/json; charset=utf-8"] as const;

type Keyed = TrpcCall & { readonly key: string };

async function sendTrpc(origin: string, call: TrpcCall, key: string, random: Random): Promise<Reply> {
  const isSuper = call.kind === "superjson";
  const input = ({ value }: Keyed) => {
    const named = { value: reordered(value, random) };
    return isSuper ? superjson.serialize(named) : named;
  };
  const headers = { "content-type": oneOf(random, JSON_TYPES), ...noise(random) };
  if (random.next() < 0.4) {
    const url = `${origin}/${call.kind}/${call.path}`;
    const body = written(input({ ...call, key }), random);
    const answer = await post(url, { ...headers, "idempotency-key": oneOf(random, [key, `"${key}"`]) }, body);
    return trpcReply(answer.json, answer.headers, answer.status);
  }
  const other = (): Keyed => ({
    ...call,
    path: oneOf(random, ["record", "late"]),
    value: randomUUID(),
    key: randomUUID(),
  });
  const { all, place } = inCompany<Keyed>({ ...call, key }, other, random);
  const url = `${origin}/${call.kind}/${all.map(({ path }) => path).join(",")}?batch=1`;
  const keys = all.map((item) => `"${item.key}"`).join(", ");
  const answer = await post(
    url,
    { ...headers, "idempotency-key": keys },
    written({ ...all.map(input) }, random),
  );
  return trpcReply((answer.json as unknown[])[place], answer.headers, answer.status, place);
}

interface TrpcAnswer {
  result?: { data: unknown };
  error?: { data?: { httpStatus: number }; json?: { data: { httpStatus: number } } };
}

function trpcReply(json: unknown, headers: Headers, status: number, place = 0): Reply {
  const { result, error } = json as TrpcAnswer;
  const member = (name: string) => headers.get(name)?.split(", ")[place];
  const replayed = member("idempotent-replayed");
  return {
    status: result === undefined ? ((error?.data ?? error?.json?.data)?.httpStatus ?? status) : 200,
    outcome: member("idempotency-outcome"),
    replayed: replayed === "?1" || replayed === "true",
    data: JSON.stringify(result?.data ?? error),
  };
}

function formOf(fields: readonly (readonly [string, unknown])[]): FormData {
  const form = new FormData();
  for (const [name, value] of fields) {
    form.append(name, value instanceof Upload ? value.file : String(value));
  }
  return form;
}

async function sendTrpcForm(origin: string, { router, fields }: TrpcForm, key: string): Promise<Reply> {
  const answer = await post(`${origin}/${router}/form`, { "idempotency-key": key }, formOf(fields));
  return trpcReply(answer.json, answer.headers, answer.status);
}

/** The document with white space, commas and comments, none of which counts. */
function documentOf({ operationName, alias, note, keyIn }: GraphQLCall, random: Random): string {
  const isDirective = keyIn === "directive";
  const tokens = [
    `mutation ${operationName} ( $value : JSON $file : File`.split(" "),
    isDirective ? ["$key", ":", "String", "!"] : [],
    `) { ${alias} : record ( value : $value file : $file note :`.split(" "),
    [JSON.stringify(note), ")"],
    isDirective ? ["@idempotent", "(", "key", ":", "$key", ")"] : [],
    "}",
  ].flat();
  return tokens.map((token) => token + oneOf(random, [" ", " ", "\n", ", ", " # a comment\n"])).join("");
}

async function sendGraphQL(origin: string, call: GraphQLCall, key: string, random: Random): Promise<Reply> {
  const operation = graphqlOperation(call, key, random);
  const url = `${origin}/graphql`;
  if (call.file !== undefined) {
    const form = new FormData();
    form.set("operations", written(operation, random));
    form.set("map", '{"0":["variables.file"]}');
    form.set("0", call.file.file);
    const answer = await post(url, call.keyIn === "header" ? { "idempotency-key": key } : {}, form);
    return graphqlReply(answer.json, answer.status);
  }
  const headers = { "content-type": oneOf(random, JSON_TYPES), ...noise(random) };
  if (random.next() < 0.4) {
    const carried = call.keyIn === "header" ? { "idempotency-key": oneOf(random, [key, `"${key}"`]) } : {};
    const answer = await post(url, { ...headers, ...carried }, written(operation, random));
    return graphqlReply(answer.json, answer.status);
  }
  const other = () => {
    const own = randomUUID();
    return { operation: graphqlOperation({ ...call, value: own }, own, random), key: own };
  };
  const { all, place } = inCompany({ operation, key }, other, random);
  const carried =
    call.keyIn === "header" ? { "idempotency-key": all.map((item) => `"${item.key}"`).join(", ") } : {};
  const answer = await post(
    url,
    { ...headers, ...carried },
    written(
      all.map((item) => item.operation),
      random,
    ),
  );
  return graphqlReply((answer.json as unknown[])[place], answer.status);
}

function graphqlOperation(call: GraphQLCall, key: string, random: Random): object {
  const { value, keyIn, operationName } = call;
  return {
    query: documentOf(call, random),
    operationName,
    variables: { value, file: null, ...(keyIn === "directive" ? { key } : {}) },
    ...(keyIn === "extensions" ? { extensions: { idempotencyKey: key } } : {}),
  };
}

function graphqlReply(json: unknown, status: number): Reply {
  const { data, errors, extensions } = json as {
    data?: unknown;
    errors?: { extensions: { code: string } }[];
    extensions?: { idempotency?: { outcome: string; replayed: boolean } };
  };
  const isReused = errors?.[0]?.extensions.code === "IDEMPOTENCY_KEY_PARAMETER_MISMATCH";
  return {
    status: isReused ? 422 : status,
    outcome: extensions?.idempotency?.outcome,
    replayed: extensions?.idempotency?.replayed === true,
    data: JSON.stringify(errors ?? data),
  };
}

async function sendHttp(origin: string, call: HttpCall, key: string, random: Random): Promise<Reply> {
  const { method, path, query, body } = call;
  const search = new URLSearchParams(query.map(([name, value]) => [name, String(value)])).toString();
  const url = `${origin}${oneOf(random, ["", "", "/"])}${path}${oneOf(random, ["", "", "/"])}${search && `?${search}`}`;
  const headers: Record<string, string> = {
    "idempotency-key": oneOf(random, [key, `"${key}"`]),
    ...noise(random),
  };
  // A form's type holds its boundary.
  if (body.type !== "multipart/form-data") {
    headers["content-type"] = oneOf(random, [
      body.type,
      body.type.toUpperCase(),
      `${body.type}; charset=utf-8`,
    ]);
  }
  const answer = await post(url, headers, bodyOf(body, random), method);
  return {
    status: answer.status,
    outcome: answer.headers.get("idempotency-outcome") ?? undefined,
    replayed: answer.headers.get("idempotent-replayed") === "true",
    data: JSON.stringify(answer.json),
  };
}

function bodyOf(body: HttpCall["body"], random: Random): BodyInit {
  if ("value" in body) return written(body.value, random);
  if ("bytes" in body) return body.bytes;
  return body.type === "multipart/form-data"
    ? formOf(body.fields)
    : new URLSearchParams(body.fields.map(([name, value]) => [name, String(value)])).toString();
}
