import { canonical } from "../core/canonical.ts";
import { RefusedRequestError } from "./problem.ts";

/**
 * What a retry must repeat: method, path, query and body. Host and headers may change on the way; of the headers only
 * the media type counts.
 *
 * @throws {@link RefusedRequestError} `BODY_INVALID` for a body that is not what its Content-Type says.
 */
export async function comparableRequest(
  { method, url, headers }: Pick<Request, "method" | "url" | "headers">,
  body: Uint8Array,
): Promise<unknown> {
  const { pathname, searchParams } = new URL(url);
  const contentType = headers.get("content-type") ?? "";
  const type = contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  const isEncoded = (headers.get("content-encoding") ?? "identity").trim().toLowerCase() !== "identity";
  return {
    method,
    path: pathname,
    query: [...searchParams],
    type,
    // What is compressed is for the handler to unpack.
    body: isEncoded || body.length === 0 ? body : await comparableBody(type, contentType, body),
  };
}

async function comparableBody(type: string, contentType: string, body: Uint8Array): Promise<unknown> {
  if (type === "application/json" || type.endsWith("+json")) {
    return comparableJson(type, body);
  }
  if (type === "application/x-www-form-urlencoded") {
    const pairs = [...new URLSearchParams(new TextDecoder().decode(body))];
    return pairs.flat().some(isLossy) ? body : inOrder(pairs, body);
  }
  return type === "multipart/form-data" ? comparableForm(contentType, body) : body;
}

// Numbers that JavaScript reads as equal, though they are not.
const INEXACT_NUMBER = /[\d.]{16}|\d[eE]\+?\d{3}/;

async function comparableJson(type: string, body: Uint8Array): Promise<unknown> {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(type, error);
  }
  return INEXACT_NUMBER.test(text) ? body : inOrder(value, body);
}

/** Bytes that are no UTF-8 all look the same once they are decoded. */
function isLossy(value: unknown): boolean {
  return typeof value === "string" && value.includes("\ufffd");
}

/** The bytes where the value is nested too deeply, or is too large, to be put in order. */
async function inOrder(value: unknown, body: Uint8Array): Promise<unknown> {
  try {
    return await canonical(value);
  } catch {
    return body;
  }
}

/** By content: the boundary between the parts is another in every request. */
async function comparableForm(contentType: string, body: Uint8Array): Promise<unknown> {
  const message = new Response(body as Uint8Array<ArrayBuffer>, { headers: { "content-type": contentType } });
  let form: FormData;
  try {
    form = await message.formData();
  } catch (error) {
    throw invalid("multipart/form-data", error);
  }
  return [...form].flat().some(isLossy) ? body : inOrder(form, body);
}

function invalid(type: string, cause: unknown): RefusedRequestError {
  return new RefusedRequestError(
    "BODY_INVALID",
    `The request's body is not ${type}, as its Content-Type says.`,
    cause,
  );
}
