/**
 * A key as people paste it: from the header, where it is a string in quotes (RFC 8941, section 3.3.3), it is what stands between them.
 */
export function pastedKey(text: string): string {
  const trimmed = text.trim();
  const [, quoted] = /^"((?:[^"\\]|\\["\\])+)"$/.exec(trimmed) ?? [];
  return quoted === undefined ? trimmed : quoted.replaceAll(/\\(["\\])/g, "$1");
}
