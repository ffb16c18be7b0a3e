import { headerNames } from "../request/header-names.ts";

/** Headers that are just as true in a replay. */
const STORED = [
  // They describe the body or name the resource.
  "content-type",
  "content-language",
  "content-encoding",
  "content-disposition",
  "content-location",
  "location",
  "etag",
  "last-modified",
  "link",
  // They say who may keep it.
  "cache-control",
  "vary",
  // They say which pages may read it (Fetch standard, section 3.3.3): a replay must be readable where the answer was.
  "access-control-allow-origin",
  "access-control-allow-credentials",
  "access-control-allow-headers",
  "access-control-allow-methods",
  "access-control-expose-headers",
  "access-control-max-age",
];

/** Headers that belong to one connection, one message or one client. */
const NEVER: ReadonlySet<string> = new Set([
  "set-cookie",
  "date",
  "age",
  "content-length",
  "idempotent-replayed",
  "idempotency-outcome",
  // RFC 9110, section 7.6.1
  "connection",
  "proxy-connection",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "proxy-authenticate",
  "proxy-authorization",
  "www-authenticate",
]);

/** @throws TypeError for a name that is not a header's, or that must never be stored. */
export function storedHeadersOf(names: unknown): ReadonlySet<string> {
  const given = headerNames(names, { option: "storedHeaders", example: "x-request-cost", never: NEVER });
  return new Set([...STORED, ...given]);
}
