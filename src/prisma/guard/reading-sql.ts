import { statementsIn } from "../../sql/dialect/sql-statements.ts";

/**
 * Whether a raw query is a single statement that reads, judging by its words: what the functions do that it calls is not
 * known. Anything not known to read counts as a write.
 */
export function isReading(sql: string): boolean {
  const [words, ...further] = statementsIn(sql) ?? [];
  const [, first] = READING.exec(words ?? "") ?? [];
  if (words === undefined || first === undefined || further.length > 0) {
    return false;
  }
  // EXPLAIN takes the names of its options in quotes too.
  const keyword = first.toLowerCase();
  return !(WRITING[keyword] ?? NOTHING).test(keyword === "explain" ? sql : words);
}

const READING = /^[\s(]*(select|with|explain|show|values|table|pragma)\b/i;

/** What makes a statement a write, by its first word. */
const WRITING: Readonly<Record<string, RegExp>> = {
  // Creates a table on PostgreSQL.
  select: /\binto\b/i,
  with: /\b(?:into|delete|merge)\b|(?<!\bfor\s+(?:no\s+key\s+)?)\bupdate\b/i,
  // Executes the statement.
  explain: /\banaly[sz]e\b/i,
};
const NOTHING = /(?!)/;
