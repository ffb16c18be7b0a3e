import { isJson, mediaType } from "./media-type.ts";

/** A body that Express or Fastify has read and parsed before us: nobody has its bytes any more. */
export class ParsedBody {
  readonly value: unknown;
  readonly #type: string;

  constructor(value: unknown, contentType: string) {
    this.value = value;
    this.#type = mediaType(contentType);
  }

  /** What the handler can read again. A replay asks for none. */
  get bytes(): Uint8Array {
    const isFields = this.#type === "application/x-www-form-urlencoded" && typeof this.value === "object";
    return new TextEncoder().encode(
      isFields ? new URLSearchParams(fieldsOf(this.value)).toString() : JSON.stringify(this.value),
    );
  }
}

/** A list repeats its name, and an object puts its own into brackets, as the parser `qs` of Express reads them. */
function fieldsOf(value: unknown, name = ""): [name: string, value: string][] {
  if (Array.isArray(value)) {
    return value.flatMap((item: unknown, index) =>
      fieldsOf(item, typeof item === "object" ? `${name}[${index}]` : name),
    );
  }
  if (value === undefined || value === null) {
    return [[name, ""]];
  }
  if (typeof value !== "object") {
    return [[name, typeof value === "string" ? value : JSON.stringify(value)]];
  }
  return Object.entries(value).flatMap(([part, item]) =>
    fieldsOf(item, name === "" ? part : `${name}[${part}]`),
  );
}

/** The part of a request of Express or Fastify that holds what was parsed. */
interface FrameworkRequest {
  readonly body?: unknown;
}

/**
 * The body that Express or Fastify has read, if `arg`, the second argument of the handler, has their request as `req`: its bytes, if
 * they are left, or what was made of them.
 */
export function bodyParsedBefore(arg: unknown, headers: Headers): Uint8Array | ParsedBody | undefined {
  const { req } = (arg ?? {}) as { readonly req?: FrameworkRequest };
  const body = req?.body;
  const type = headers.get("content-type") ?? "";
  if (body === undefined || body instanceof ReadableStream || (body === null && !isNullInJson(headers))) {
    return undefined;
  }
  if (body instanceof Uint8Array) {
    return body;
  }
  if (isMadeOfNothing(body, headers)) {
    return new Uint8Array(0);
  }
  return typeof body === "string" && !isTextInJson(body, headers)
    ? new TextEncoder().encode(body)
    : new ParsedBody(body, type);
}

/** Express gives an empty object also for an empty body, and Express 4 for none at all. */
function isMadeOfNothing(body: unknown, headers: Headers): boolean {
  const length = headers.get("content-length");
  const isNothingSent = length === null ? !headers.has("content-type") : Number(length) === 0;
  return isNothingSent && typeof body === "object" && body !== null && Object.keys(body).length === 0;
}

/** Frameworks give `null` also for a body that is not there. */
function isNullInJson(headers: Headers): boolean {
  return isJson(headers) && Number(headers.get("content-length") ?? 0) > 0;
}

/** Whether the text is what a parser has made of JSON, and not the JSON itself: that is longer by its quotes. */
function isTextInJson(text: string, headers: Headers): boolean {
  const length = headers.get("content-encoding") === null ? headers.get("content-length") : null;
  if (!isJson(headers)) {
    return false;
  }
  return length === null ? !isParsable(text) : Number(length) !== Buffer.byteLength(text);
}

function isParsable(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
