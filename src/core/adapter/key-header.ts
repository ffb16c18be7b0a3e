import { parseList } from "structured-headers";
import { checkKey, invalidKey } from "../request/identity.ts";

export { KEY_HEADER, RETRY_HEADER } from "../browser/key-header.ts";

/** Where option `key` reads the key from, such as the body of a webhook, a header is no remedy. */
export const KEY_OPTION_GAVE_NONE =
  "option key returned nothing, and the request carries no key of its own; have option key return a string";

/** Whether a request says that it is a repetition. Anybody may say so, so nothing but the order of look-ups may follow. */
export function saysRetry(header: string | null | undefined): boolean {
  return header === "?1";
}

/** The response header that marks a replay; the name Stripe gave it. */
export const REPLAYED_HEADER = "idempotent-replayed";

// Most clients today send a bare key. It is accepted without quotes only if it is no other structured value (a boolean,
// a byte sequence, an inner list) and has no separator, so that no header ever has two readings.
const BARE_KEY = /^(?![?:(])[\x21\x23-\x2b\x2d-\x3a\x3c-\x7e]+$/;

/**
 * Reads the header of a request that carries one call: `"key"` as in the draft, or the bare key.
 *
 * @returns `undefined` when the header is absent.
 * @throws {@link IdempotencyError} `KEY_INVALID`
 */
export function parseKeyHeader(header: string | null | undefined): string | undefined {
  if (header === null || header === undefined) {
    return undefined;
  }
  const value = header.trim();
  if (value === "" || BARE_KEY.test(value)) {
    return checkKey(value);
  }
  const members = listMembers(value);
  if (members.length > 1) {
    throw invalidKey(
      "malformed_header",
      `The Idempotency-Key header is a list of ${members.length} keys, or was sent that often; send one key with one request.`,
    );
  }
  return checkKey(stringOf(members[0], header));
}

/**
 * Reads the header of a batched request: one list member per call, in the order of the calls, `?0` for a call
 * without a key (RFC 8941, section 3.1).
 *
 * @returns `undefined` when the header is absent.
 * @throws {@link IdempotencyError} `KEY_INVALID`, also when the list and the batch differ in length.
 */
export function parseKeyListHeader(
  header: string | null | undefined,
  callCount: number,
): readonly (string | undefined)[] | undefined {
  if (header === null || header === undefined) {
    return undefined;
  }
  const members = listMembers(header);
  if (members.length !== callCount) {
    throw invalidKey(
      "count_mismatch",
      `The Idempotency-Key header of a batch needs one member per call (?0 for none): it has ${members.length}, ` +
        `the batch has ${callCount} calls.`,
    );
  }
  return members.map((member) => (member === false ? undefined : checkKey(stringOf(member, header))));
}

function listMembers(header: string): readonly unknown[] {
  const bare = header.split(",").map((member) => member.trim());
  if (bare.every((member) => member === "?0" || BARE_KEY.test(member))) {
    return bare.map((member) => (member === "?0" ? false : member));
  }
  return parsed(header, () => parseList(header).map(([member]) => member));
}

function parsed<T>(header: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw malformedHeader(header, cause);
  }
}

function stringOf(member: unknown, header: string): string {
  if (typeof member !== "string") {
    throw malformedHeader(header);
  }
  return member;
}

function malformedHeader(header: string, cause?: unknown) {
  return invalidKey(
    "malformed_header",
    `The Idempotency-Key header (${header.length} characters) is not a quoted string as in RFC 8941; ` +
      'send for example Idempotency-Key: "8e03978e-40d5-43dd-bc93-6894a57f9324".',
    cause,
  );
}
