import { canonical } from "../../core/request/canonical.ts";
import { RefusedRequestError } from "../problems/problem.ts";
import { isJsonType, mediaType } from "./media-type.ts";
import { ParsedBody } from "./parsed-body.ts";

/**
 * What a retry must repeat: method, path, query and body. Host and headers may change on the way; of the headers only
 * the media type counts.
 *
 * @throws {@link RefusedRequestError} `BODY_INVALID` for a form that is not what its Content-Type says.
 */
export async function comparableRequest(
  { method, url, headers }: Pick<Request, "method" | "url" | "headers">,
  body: Uint8Array | ParsedBody,
): Promise<unknown> {
  const { search } = new URL(url);
  const contentType = headers.get("content-type") ?? "";
  const type = mediaType(contentType);
  const isEncoded = (headers.get("content-encoding") ?? "identity").trim().toLowerCase() !== "identity";
  const request = { method, path: routedPath(url), query: pairsOf(search.slice(1)) ?? search, type };
  if (body instanceof ParsedBody) {
    return { ...request, parsed: body.value };
  }
  return {
    ...request,
    // Decompression is up to the handler.
    body: isEncoded || body.length === 0 ? body : await comparableBody(type, contentType, body),
  };
}

/** A path as routers see it: a slash at the end or twice makes no difference. */
export function routedPath(url: string): string {
  return new URL(url).pathname.replace(/\/{2,}/g, "/").replace(/(.)\/$/, "$1");
}

async function comparableBody(type: string, contentType: string, body: Uint8Array): Promise<unknown> {
  if (isJsonType(type)) {
    return comparableJson(body);
  }
  if (type === "application/x-www-form-urlencoded") {
    const pairs = pairsOf(new TextDecoder("utf-8", { ignoreBOM: true }).decode(body));
    return pairs === undefined ? body : inOrder(pairs, body);
  }
  return type === "multipart/form-data" ? comparableForm(contentType, body) : body;
}

/** The fields of a form or a query; `undefined` if they cannot be told from others. */
function pairsOf(text: string): [name: string, value: string][] | undefined {
  // Without the "&", a leading "?" would be dropped.
  const pairs = [...new URLSearchParams(`&${text}`)];
  return pairs.flat().some(isLossy) ? undefined : pairs;
}

// Numbers that JavaScript may read as equal although they differ.
const INEXACT_NUMBER = /[\d.]{16}|\d[eE][+-]?\d{3}/;

async function comparableJson(body: Uint8Array): Promise<unknown> {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    value = JSON.parse(text);
  } catch {
    // Whether it is to be taken is up to the handler.
    return body;
  }
  const exact = withExactNumbers(text);
  return exact === undefined
    ? inOrder(value, body)
    : { numbersAsWritten: await inOrder(JSON.parse(exact), body) };
}

/**
 * JSON in which inexact numbers are texts of their digits. Every other text, and every name, is told from them by its first
 * letter. `undefined` if there is no such number.
 */
function withExactNumbers(json: string): string | undefined {
  if (!INEXACT_NUMBER.test(json)) {
    return undefined;
  }
  let isInexact = false;
  // In two steps, because one would exhaust the stack: without escaped quotes, a text ends at the next one.
  const exact = json
    .replace(/\\./g, (escape) => (escape === '\\"' ? "\\u0022" : escape))
    .replace(/"([^"]*)"|[-+.\deE]{2,}/g, (token, text: string | undefined) => {
      if (text !== undefined) {
        return `"s${text}"`;
      }
      if (!INEXACT_NUMBER.test(token)) {
        return token;
      }
      isInexact = true;
      return `"n${token}"`;
    });
  return isInexact ? exact : undefined;
}

/** Bytes that are not UTF-8 all look the same once decoded. */
function isLossy(text: string): boolean {
  return text.includes("\ufffd");
}

/** The value in order, or the bytes if it is too deeply nested or too large for that. */
async function inOrder(value: unknown, body: Uint8Array): Promise<unknown> {
  try {
    return await canonical(value);
  } catch {
    return body;
  }
}

/** Compared by content: the boundary between the parts differs in every request. */
async function comparableForm(contentType: string, body: Uint8Array): Promise<unknown> {
  const message = new Response(body as Uint8Array<ArrayBuffer>, { headers: { "content-type": contentType } });
  let form: FormData;
  try {
    form = await message.formData();
  } catch (error) {
    throw invalid(error);
  }
  const texts = [...form].flatMap(([name, value]) => [name, typeof value === "string" ? value : value.name]);
  const bytes = withoutBoundary(contentType, body);
  return texts.some(isLossy) ? bytes : inOrder(form, bytes);
}

/** The bytes of a form between its boundaries. */
function withoutBoundary(contentType: string, body: Uint8Array): Uint8Array {
  const [, quoted, bare] = /;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType) ?? [];
  const parts = Buffer.from(body)
    .toString("latin1")
    .split(`--${quoted ?? bare}`);
  return Buffer.from(parts.map((part) => `${part.length}:${part}`).join(""), "latin1");
}

function invalid(cause: unknown): RefusedRequestError {
  return new RefusedRequestError(
    "BODY_INVALID",
    "The request's body is not multipart/form-data, as its Content-Type says.",
    cause,
  );
}
