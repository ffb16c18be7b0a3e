/**
 * The statements of an SQL text by their words: without strings, quoted names and comments. Knows the quotes of all
 * supported databases at once. `undefined` if their words cannot be told: where the databases, or versions of one, differ
 * in where a comment or a number ends, and where MySQL executes what stands in a comment.
 */
export function statementsIn(sql: string): string[] | undefined {
  let isAmbiguous = false;
  const words = sql.replace(TOKENS, (token, word: string | undefined) => {
    if (word !== undefined) {
      return word;
    }
    isAmbiguous ||= AMBIGUOUS.test(token);
    return " ";
  });
  return isAmbiguous ? undefined : words.split(";").filter((statement) => statement.trim() !== "");
}

/**
 * Strings, of PostgreSQL also with escapes (E'') and in dollar quotes; quoted names; comments; and words, because a $ in a
 * word begins no dollar quote. A string with a doubled quote is two strings here. In an alternative for it, each character of
 * a long string would take space on the stack.
 */
const TOKENS = new RegExp(
  [
    String.raw`[eE]'[^'\\]*(?:(?:\\[^]|'')[^'\\]*)*(?:'|$)`,
    String.raw`\d[\w\u0080-\uffff]*\$`,
    String.raw`([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\d[\w\u0080-\uffff]*)`,
    "'[^']*(?:'|$)",
    '"[^"]*(?:"|$)',
    "`[^`]*(?:`|$)",
    // Upper and lower case are different tags.
    String.raw`\$((?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?)\$[^]*?(?:\$\2\$|$)`,
    // Not up to a "." that would end at more than a line's end.
    String.raw`--[^\n]*`,
    String.raw`\/\*[^]*?(?:\*\/|$)`,
  ].join("|"),
  "g",
);

/**
 * A comment with another in it: they nest in PostgreSQL and not in SQLite. One for MySQL. One with a carriage return, which
 * ends a comment in PostgreSQL and not in SQLite. A number before a $: a word and a dollar quote begin at different places
 * in the versions of PostgreSQL.
 */
const AMBIGUOUS = /^\/\*(?:M?!|[^]*\/\*)|^--[^]*\r[^]|^\d/;
