/** Whether a value can name a header (RFC 9110, section 5.1). */
export function isHeaderName(value: unknown): value is string {
  return typeof value === "string" && /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value);
}
