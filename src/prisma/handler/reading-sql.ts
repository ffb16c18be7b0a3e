/**
 * Whether a raw query is a single statement that reads, judging by its words: what the functions do that it calls is not
 * known. Anything not known to read counts as a write. Knows the words and quotes of all supported databases at once.
 */
export function isReading(sql: string): boolean {
  const words = sql.replace(QUOTED, " ").replace(/^[\s(]+/, "");
  const [beginning] = READING.exec(words) ?? [];
  const [, ...further] = words.split(";");
  if (beginning === undefined || further.some((statement) => statement.trim() !== "")) {
    return false;
  }
  return !(WRITING[beginning.toLowerCase()] ?? NOTHING).test(words);
}

/** Strings, quoted names and comments, whose words mean nothing. */
const QUOTED = /'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|`[^`]*(?:`|$)|--.*|\/\*[^]*?(?:\*\/|$)/g;

const READING = /^(?:select|with|explain|show|values|table|pragma)\b/i;

/** What makes a statement a write, by its first word. */
const WRITING: Readonly<Record<string, RegExp>> = {
  // Creates a table on PostgreSQL.
  select: /\binto\b/i,
  with: /\b(?:insert|delete|merge|replace)\s+(?:into|from)\b|(?<!\bfor\s+(?:no\s+key\s+)?)\bupdate\b/i,
  // Executes the statement.
  explain: /\banaly[sz]e\b/i,
};
const NOTHING = /(?!)/;
