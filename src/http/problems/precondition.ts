import { misuse } from "../../core/browser/option-checks.ts";
import { type ProblemOptions, problemResponse } from "./problem.ts";

/** Options of {@link ifMatch}. */
export interface IfMatchOptions extends ProblemOptions {
  /** Whether a request without `If-Match` is refused with 428. Default `true`. */
  readonly require?: boolean;
}

// RFC 9110, section 8.8.3
const ENTITY_TAG = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;
const ENTITY_TAGS =
  /^[ \t]*(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"[ \t]*(?:,[ \t]*(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"[ \t]*)*$/;

/**
 * Compares the header `If-Match` with the resource's current entity tag (RFC 9110, section 13.1.1: strong comparison, `*`
 * matches any that exists).
 *
 *     const refused = ifMatch(request, account && etagOf(account.version));
 *     if (refused) return refused;
 *
 * The comparison is not a lock: make the write itself conditional on the version, and answer with
 * {@link preconditionFailed} if it changed no row.
 *
 * @param currentETag with its quotes, as {@link etagOf} makes it; `null` or `undefined` if there is no resource
 * @returns `undefined` when the request may go on, otherwise the answer: 412 when the resource does not match, 428 (RFC
 * 6585) when the header is missing, 400 when it is malformed. Under {@link withIdempotency} 412 and 428 release the key.
 * @throws TypeError for a `currentETag` that is not an entity tag.
 */
export function ifMatch(
  request: { readonly headers: Pick<Headers, "get"> },
  currentETag: string | null | undefined,
  options: IfMatchOptions = {},
): Response | undefined {
  if (currentETag !== null && currentETag !== undefined && !isEntityTag(currentETag)) {
    throw misuse(
      "(currentETag of ifMatch)",
      currentETag,
      'an entity tag with its quotes, such as "\\"7\\"", or null',
    );
  }
  const header = request.headers.get("if-match");
  if (header === null) {
    return options.require === false ? undefined : preconditionRequired(options);
  }
  if (header.trim() === "*") {
    return currentETag === null || currentETag === undefined ? preconditionFailed(options) : undefined;
  }
  if (!ENTITY_TAGS.test(header)) {
    return preconditionInvalid(options);
  }
  return isAmong(header, currentETag) ? undefined : preconditionFailed(options);
}

/** The answer 412 to a write whose condition did not hold. */
export function preconditionFailed(options: ProblemOptions = {}): Response {
  const message = "The resource is not the one that If-Match names; read it again.";
  return problemResponse({ code: "PRECONDITION_FAILED", message }, options);
}

/**
 * The strong entity tag of a version, such as the value of a version column: `etagOf(7)` is `"7"` in quotes.
 *
 * @throws TypeError for a text that cannot be part of an entity tag.
 */
export function etagOf(version: string | number | bigint): string {
  const etag = `"${version}"`;
  if (!["string", "number", "bigint"].includes(typeof version) || !isEntityTag(etag)) {
    throw misuse(
      "(the version of etagOf)",
      version,
      "a number, or a text without quotes, spaces and control characters",
    );
  }
  return etag;
}

function preconditionRequired(options: ProblemOptions): Response {
  const message = "The request needs the header If-Match with the resource's ETag.";
  return problemResponse({ code: "PRECONDITION_REQUIRED", message }, options);
}

function preconditionInvalid(options: ProblemOptions): Response {
  const message = 'The header If-Match is not "*" or a list of entity tags; send for example If-Match: "7".';
  return problemResponse({ code: "PRECONDITION_INVALID", message }, options);
}

function isEntityTag(value: unknown): boolean {
  return typeof value === "string" && ENTITY_TAG.test(value);
}

/** A weak tag never matches. */
function isAmong(header: string, currentETag: string | null | undefined): boolean {
  const tags = header.match(/(?:W\/)?"[^"]*"/g) ?? [];
  return tags.some((tag) => tag === currentETag && !tag.startsWith("W/"));
}
