import { KEY_HEADER, parseKeyHeader, parseKeyListHeader } from "../../core/adapter/key-header.ts";
import { IdempotencyError, isIdempotencyError } from "../../core/contract/errors/errors.ts";
import { tellRefusal } from "../../core/events/call-events.ts";
import { invalidKey } from "../../core/request/identity.ts";
import { toGraphQLError } from "../errors/graphql-errors.ts";
import { OPERATION_RECORD_NAME } from "./record-name.ts";

/** The part of a Fetch `Request` that is used. Servers bring their own ponyfills. */
export interface RequestLike {
  readonly headers: { get(name: string): string | null };
}

/**
 * What the header says for one operation. An error is kept until a mutation asks for the key: queries have no use for
 * one.
 */
type Reading = { readonly key: string | undefined } | { readonly error: unknown };

// Other plugins, such as persisted operations, replace the parameters. A copy by spread keeps an enumerable symbol; a
// copy by name at least keeps the `extensions` object.
const READING: unique symbol = Symbol("onceonly.headerKey");

/**
 * By the `extensions` object of an operation, and by the request. Only by requests that Yoga parsed: the header of a
 * WebSocket's upgrade request is not a key for the operations sent later.
 */
const readings = new WeakMap<object, Reading>();

const parsedRequests = new WeakSet<object>();

/**
 * Reads the header `Idempotency-Key` of an HTTP request once its operations are parsed: later, Yoga does not tell which
 * place an operation has in its batch.
 *
 * @throws GraphQLError when the header does not fit the batch; nothing of the batch is executed.
 */
export function readKeyHeader(request: RequestLike, parsed: unknown): void {
  parsedRequests.add(request);
  const header = request.headers.get(KEY_HEADER);
  if (header === null) {
    return;
  }
  if (!Array.isArray(parsed)) {
    const reading = readSingle(header);
    readings.set(request, reading);
    attach(parsed, reading);
    return;
  }
  const keys = readList(header, parsed.length);
  const unknownPlace = invalidKey(
    "count_mismatch",
    "A plugin of the server replaced the parameters of a batched operation, and with them its idempotency key.",
  );
  readings.set(request, { error: unknownPlace });
  for (const [index, params] of parsed.entries()) {
    attach(params, { key: keys?.[index] });
  }
}

/**
 * The key that the header holds for the operation of this context.
 *
 * @throws {@link IdempotencyError} `KEY_INVALID`
 */
export function headerKeyOf(context: object): string | undefined {
  const reading = readingOf(context);
  if (reading === undefined) {
    return undefined;
  }
  if ("error" in reading) {
    throw reading.error;
  }
  return reading.key;
}

function readingOf(context: object): Reading | undefined {
  const { params, request } = context as { params?: Params | null; request?: unknown };
  return params?.[READING] ?? known(params?.extensions) ?? known(request);
}

/** Whether the context is that of an HTTP request which never came by {@link readKeyHeader}. */
export function isUnparsed(context: object): boolean {
  const { request } = context as { readonly request?: Partial<RequestLike> | null };
  return (
    isObject(request) &&
    typeof request.headers?.get === "function" &&
    !parsedRequests.has(request) &&
    // The header of a WebSocket's upgrade request is not a key for the operations sent later.
    request.headers.get("upgrade") === null
  );
}

/** @throws {@link IdempotencyError} `KEY_MISSING`: ignored, the header would be a promise that nobody keeps. */
export function refuseUnreadHeader(context: object): void {
  const { request } = context as { readonly request: RequestLike };
  const isUnread = readingOf(context) === undefined && isUnparsed(context);
  if (isUnread && request.headers.get(KEY_HEADER) !== null) {
    throw new IdempotencyError(
      "KEY_MISSING",
      "The header Idempotency-Key was not read, as a plugin of the server answers this request by itself; send the key as " +
        "extensions.idempotencyKey in the body.",
      { operation: "mutation" },
    );
  }
}

function readSingle(header: string): Reading {
  try {
    return { key: parseKeyHeader(header) };
  } catch (error) {
    return { error };
  }
}

function readList(header: string, count: number): readonly (string | undefined)[] | undefined {
  try {
    return parseKeyListHeader(header, count);
  } catch (error) {
    tellRefusal(error, OPERATION_RECORD_NAME);
    throw isIdempotencyError(error) ? toGraphQLError(error) : error;
  }
}

interface Params {
  readonly [READING]?: Reading;
  readonly extensions?: unknown;
}

function attach(params: unknown, reading: Reading): void {
  if (!isObject(params)) {
    return;
  }
  const { extensions } = Object.assign(params, { [READING]: reading }) as Params;
  if (isObject(extensions)) {
    readings.set(extensions, reading);
  }
}

function known(carrier: unknown): Reading | undefined {
  return isObject(carrier) ? readings.get(carrier) : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
