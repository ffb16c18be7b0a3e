/**
 * Whether a raw query is one statement that reads, as far as its words tell: not what functions do that it calls. What is
 * not known to read is taken for a write.
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

/** Texts, names in quotes and comments: whose words say nothing. */
const QUOTED = /'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|`[^`]*(?:`|$)|--.*|\/\*[^]*?(?:\*\/|$)/g;

const READING = /^(?:select|with|explain|show|values|table|pragma)\b/i;

/** By the first word, what makes a write of it. */
const WRITING: Readonly<Record<string, RegExp>> = {
  // PostgreSQL makes a table of it.
  select: /\binto\b/i,
  with: /\b(?:insert|delete|merge|replace)\s+(?:into|from)\b|(?<!\bfor\s+(?:no\s+key\s+)?)\bupdate\b/i,
  // Executes it.
  explain: /\banaly[sz]e\b/i,
};
const NOTHING = /(?!)/;
