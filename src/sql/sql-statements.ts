/**
 * The statements of an SQL text by their words: without strings, quoted names and comments. Knows the quotes of all
 * supported databases at once. `undefined` if their words cannot be told: comments nest in PostgreSQL and not in SQLite,
 * and MySQL executes what stands in some.
 */
export function statementsIn(sql: string): string[] | undefined {
  let isAmbiguous = false;
  const words = sql.replace(WORDLESS, (text) => {
    isAmbiguous ||= AMBIGUOUS.test(text);
    return " ";
  });
  return isAmbiguous ? undefined : words.split(";").filter((statement) => statement.trim() !== "");
}

/**
 * Strings, of PostgreSQL also with escapes (E'') and in dollar quotes; quoted names; comments. A string with a doubled quote
 * is two strings here. In an alternative for it, each character of a long string would take space on the stack.
 */
const WORDLESS =
  /\be'[^'\\]*(?:(?:\\[^]|'')[^'\\]*)*(?:'|$)|'[^']*(?:'|$)|"[^"]*(?:"|$)|`[^`]*(?:`|$)|\$((?:[a-z_]\w*)?)\$[^]*?(?:\$\1\$|$)|--.*|\/\*[^]*?(?:\*\/|$)/gi;

/** A comment with another in it, or one for MySQL. */
const AMBIGUOUS = /^\/\*(?:M?!|[^]*\/\*)/;
