import { statementsIn } from "./sql-statements.ts";

/**
 * Whether a statement in the text ends the transaction. No text passes that really does; one of which that cannot be told
 * counts as one that does. SQLite's drivers execute the first statement of a text only, so there the quotes that SQLite alone
 * has do not matter: nothing but comments stands before its first word.
 */
export function endsTransaction(sql: string): boolean {
  // Most statements have no such word, and need not be looked at any further.
  if (!/\b(?:commit|end|rollback|abort|prepare)\b/i.test(sql) || !mayEnd(sql)) {
    return false;
  }
  const statements = UNCERTAIN.test(sql) ? undefined : statementsIn(sql);
  return statements === undefined || withoutEndsOfBodies(statements).some((text) => ENDING.test(text));
}

const WORDS = [
  "commit|end|abort",
  String.raw`prepare(?!\s+(?!transaction\b)\w)`,
  // A name may begin with "to".
  String.raw`rollback(?!\s+(?:(?:work|transaction)\s+)?to(?![\w$\u0080-\uffff]))`,
].join("|");

const ENDING = new RegExp(String.raw`^\s*(?:${WORDS})\b`, "i");

/** At the start of a statement, whatever the quotes are: after nothing, a semicolon or the end of a comment. */
const POSSIBLE = new RegExp(String.raw`\b(?=(?:${WORDS})\b)(?<=(?:^|;|\*\/|--[^\n\r]*\r?\n)\s*)`, "i");

/** PostgreSQL ends a comment at a carriage return too. */
function mayEnd(sql: string): boolean {
  return POSSIBLE.test(sql) || (sql.includes("--") && /\r(?!\n)/.test(sql));
}

/**
 * A backslash may quote the end of a string (`standard_conforming_strings = off`), a backtick is a quote in SQLite and an
 * operator in PostgreSQL, and the tags of dollar quotes may be the same when their lone surrogates are sent.
 */
const UNCERTAIN = /[\\`]|\p{Cs}/u;

/** Leaves out the END that closes the body of a function or trigger. Nothing else in a body may end a transaction. */
function withoutEndsOfBodies(statements: readonly string[]): string[] {
  let isInBody = false;
  return statements.filter((statement) => {
    const isEnd = isInBody && /^\s*end\b/i.test(statement);
    isInBody = isInBody ? !isEnd : opensBody(statement);
    return !isEnd;
  });
}

function opensBody(statement: string): boolean {
  // PostgreSQL's triggers execute a function. They have no body, but may be on a table whose name is "begin".
  if (/^\s*create\s+(?:temp(?:orary)?\s+)?trigger\b/i.test(statement)) {
    return /\bbegin\b/i.test(statement) && !/\bexecute\b/i.test(statement);
  }
  const [, head] = FUNCTION.exec(statement) ?? [];
  // Between parentheses these are a parameter and its type.
  return head !== undefined && head.split("(").length === head.split(")").length;
}

/** Up to its body, unless that is empty: then its END is no statement of its own. */
const FUNCTION =
  /^\s*create\s+(?:or\s+replace\s+)?(?:function|procedure)\b([^]*?)\bbegin\s+atomic\b(?!\s*end\b)/i;
