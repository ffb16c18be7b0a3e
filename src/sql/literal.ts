import type { Write } from "./dialect/statement.ts";

/** The driver's own quoting of a text, such as `escapeLiteral` of pg. */
export type Quote = (text: string) => string;

/**
 * A statement with its values as literals, for a message that takes no parameters; `undefined` if a value cannot stand in one.
 *
 * The text is of ASCII characters alone if the values are all there is of others, so it reads the same in each encoding of a
 * connection: in some of them the second byte of a character can be a backslash.
 */
export function withLiterals({ text, values }: Write, quote: Quote): string | undefined {
  const literals = values.map((value) => literalOf(value, quote));
  return literals.includes(undefined)
    ? undefined
    : text.replaceAll(PARAMETERS, (token, position?: string) =>
        position === undefined ? token : (literals[Number(position) - 1] ?? token),
      );
}

/** And quoted names, which may have a $ in them. */
const PARAMETERS = /"(?:[^"]|"")*"|\$(\d+)/g;

function literalOf(value: Write["values"][number], quote: Quote): string | undefined {
  if (value === null) {
    return "NULL";
  }
  const text = String(value);
  // A text ends at NUL. Half of a pair is no character.
  if (/\0|\p{Surrogate}/u.test(text)) {
    return undefined;
  }
  const quoted = quote(text);
  return NOT_ASCII.test(text) ? inEscapes(quoted) : quoted;
}

const NOT_ASCII = /[^\0-\x7f]/;

/** In a literal of the form E'...', whose backslashes are escapes whatever `standard_conforming_strings` says. */
function inEscapes(quoted: string): string {
  const escaping = quoted.startsWith("'") ? `E${quoted}` : quoted;
  return escaping.replaceAll(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
