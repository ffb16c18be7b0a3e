/**
 * Whether a statement in the text ends the transaction on MariaDB. Many do, besides COMMIT and ROLLBACK: almost all that define
 * something, BEGIN, LOCK TABLES, ANALYZE TABLE. So what is known not to end it passes, and all else counts as ending it. What
 * a procedure does, a CALL does not tell: it passes, and the driver sees whether the transaction is still there.
 */
export function endsTransactionOfMariadb(sql: string): boolean {
  return ONE_WRITE.test(sql) && !/[;#]|--|\/\*/.test(sql) ? false : readingsOf(sql).some(mayEnd);
}

/** What almost every statement is. */
const ONE_WRITE = /^\s*(?:select|insert|update|delete|replace)\b/i;

const HARMLESS = new RegExp(
  `^(?:${[
    "select|insert|update|delete|replace|with|values|table|show|desc|describe|explain|savepoint|do|call|use|kill|load|checksum",
    "help|signal|get|prepare|deallocate",
    String.raw`release\s+savepoint`,
    String.raw`rollback\s+(?:work\s+)?to`,
    String.raw`(?:create(?:\s+or\s+replace)?|drop)\s+temporary`,
    String.raw`analyze\s+(?:format|select|insert|update|delete|replace|with)`,
    // Anything but what commits, or has COMMIT do something else.
    String.raw`set(?![^]*\b(?:autocommit|completion_type|password|default\s+role|statement)\b)`,
  ].join("|")})\\b`,
  "i",
);

/** Its settings hold for the one statement after FOR. */
const SET_STATEMENT = /^set\s+statement\b[^;]*?\bfor\s+(?=\w)/i;

function mayEnd(words: string): boolean {
  return words.split(";").some((part) => {
    const statement = part.replace(/^[\s(]+/, "").replace(SET_STATEMENT, "");
    return statement !== "" && !HARMLESS.test(statement);
  });
}

/**
 * The text without strings, quoted names and comments. Where a backslash stands before the end of a string, sessions differ
 * in where that is (NO_BACKSLASH_ESCAPES), and servers in whether they execute a comment: then each of the readings.
 */
function readingsOf(sql: string): string[] {
  return [STRINGS, STRINGS_WITH_ESCAPES].flatMap((strings) =>
    ["", "$1"].map((executed) => sql.replace(EXECUTED, executed).replace(strings, " ")),
  );
}

/** Of a comment that is executed: what stands in it. */
const EXECUTED = /\/\*M?!\d*([^]*?)(?:\*\/|$)/g;

const OTHER_TOKENS = String.raw`\x60[^\x60]*(?:\x60|$)|#[^\n]*|--(?=\s|$)[^\n]*|\/\*[^]*?(?:\*\/|$)`;
const STRINGS = new RegExp(`'[^']*(?:'|$)|"[^"]*(?:"|$)|${OTHER_TOKENS}`, "g");
const STRINGS_WITH_ESCAPES = new RegExp(
  String.raw`'[^'\\]*(?:\\[^][^'\\]*)*(?:'|$)|"[^"\\]*(?:\\[^][^"\\]*)*(?:"|$)|${OTHER_TOKENS}`,
  "g",
);
