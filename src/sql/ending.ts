import { statementsIn } from "./sql-statements.ts";

/** Whether a statement in the text ends the transaction. If that cannot be told, the word for it is enough. */
export function endsTransaction(sql: string): boolean {
  // Most statements have no such word, and need not be looked at any further.
  if (!/\b(?:commit|end|rollback|abort|prepare)\b/i.test(sql)) {
    return false;
  }
  const statements = statementsIn(sql);
  return statements === undefined || withoutBodies(statements).some((statement) => ENDING.test(statement));
}

const ENDING =
  /^\s*(?:commit|end|abort|prepare\s+transaction|rollback(?!\s+(?:(?:work|transaction)\s+)?to\b))\b/i;

/** Leaves out the bodies of functions and triggers: their statements are not executed now, and an END closes them. */
function withoutBodies(statements: readonly string[]): string[] {
  let isInBody = false;
  return statements.filter((statement) => {
    const wasInBody = isInBody;
    isInBody = wasInBody ? !/^\s*end\b/i.test(statement) : /^\s*create\b[^]*\bbegin\b/i.test(statement);
    return !wasInBody;
  });
}
