import { TooManyBytesError } from "../../core/adapter/body.ts";
import { typeOf } from "../../core/browser/option-checks.ts";
import { IdempotencyError } from "../../core/contract/errors/errors.ts";
import { bytesOf, type StoredBody, storedBody } from "../request/stored-body.ts";
import { readBytes } from "./bytes.ts";

/** A response as data that any codec can write. */
export interface StoredResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: StoredBody;
}

export interface ReadOptions {
  readonly operation: string;
  /** Names of the headers that are stored, in lower case. */
  readonly storedHeaders: ReadonlySet<string>;
  /** How long the body may be. */
  readonly bytesMax: number;
  /** Stops the reading of a body that never ends. */
  readonly signal: AbortSignal;
}

/**
 * Reads a handler's response to its end while the transaction is open.
 *
 * @throws {@link IdempotencyError} `RESULT_UNSTORABLE` for what is not a response, or has a body that is used or too
 * long.
 * @throws what the body's stream fails with.
 */
export async function readResponse(response: Response, options: ReadOptions): Promise<StoredResponse> {
  const { operation, storedHeaders } = options;
  checkResponse(response, operation);
  const headers: [string, string][] = [];
  response.headers.forEach((value, name) => {
    if (storedHeaders.has(name.toLowerCase())) {
      headers.push([name.toLowerCase(), value]);
    }
  });
  const { status, statusText } = response;
  const hasBody = response.body !== null && !BODILESS.has(status);
  const body = hasBody ? storedBody(await readBody(response.body, options)) : null;
  const stored = { status, statusText, headers, body };
  try {
    responseOf(stored);
  } catch (error) {
    // A server's own class may accept what `Response` refuses; after the commit it would be too late to find out.
    throw unstorable(operation, "is one that the class Response refuses", error);
  }
  return stored;
}

/** Statuses whose responses have no body (Fetch standard, "null body status"). */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * The response that a stored one stands for.
 *
 * @param ownHeaders the headers of the handler's own response, for the first caller
 */
export function responseOf(
  { status, statusText, headers, body }: StoredResponse,
  ownHeaders?: Headers,
): Response {
  // The class that Hono's server puts in the place of `Response` would find out only when it is sent.
  if (!isStatus(status)) {
    throw new RangeError(`the status ${status} is none that a server can answer with`);
  }
  return new Response(bytesOf(body), {
    status,
    statusText,
    headers: ownHeaders === undefined ? headers.map(([name, value]) => [name, value]) : entriesOf(ownHeaders),
  });
}

/** As in the Fetch standard, where the constructor of `Response` checks it. */
const isStatus = (status: number): boolean => status >= 200 && status <= 599;

/** Not `new Headers(given)`: some servers' responses have headers of a class of their own. */
export function entriesOf(headers: Headers): [string, string][] {
  const entries: [string, string][] = [];
  headers.forEach((value, name) => {
    if (name.toLowerCase() !== "set-cookie") {
      entries.push([name, value]);
    }
  });
  for (const cookie of headers.getSetCookie()) {
    entries.push(["set-cookie", cookie]);
  }
  return entries;
}

async function readBody(
  body: ReadableStream<unknown>,
  { operation, bytesMax, signal }: ReadOptions,
): Promise<Uint8Array> {
  if (body.locked) {
    throw unstorable(operation, "has a body that is being read by somebody else");
  }
  try {
    return await readBytes(body, bytesMax, signal);
  } catch (error) {
    if (error instanceof TooManyBytesError) {
      throw unstorable(operation, `has a body of more than ${bytesMax} bytes (resultBytesMax)`, error);
    }
    throw error;
  }
}

export function isResponse(value: unknown): value is Response {
  // Not by class: servers bring ponyfills of their own.
  const { status, headers, text } = (value ?? {}) as Partial<Response>;
  return typeof status === "number" && typeof headers?.forEach === "function" && typeof text === "function";
}

function checkResponse(response: unknown, operation: string): void {
  if (!isResponse(response)) {
    throw unstorable(operation, `is of type ${typeOf(response)} instead of a Response`);
  }
  if (!isStatus(response.status)) {
    throw unstorable(operation, `has the status ${response.status}, which no server can answer with`);
  }
  if (response.bodyUsed) {
    throw unstorable(operation, "has a body that was read before");
  }
}

function unstorable(
  operation: string,
  problem: string,
  cause?: unknown,
): IdempotencyError<"RESULT_UNSTORABLE"> {
  return new IdempotencyError(
    "RESULT_UNSTORABLE",
    `The response of ${operation} ${problem}. It was rolled back, as it could not be replayed.`,
    { operation },
    cause === undefined ? {} : { cause },
  );
}
