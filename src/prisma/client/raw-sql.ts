/** The text of a raw query: of the arguments of the method, or of what Prisma makes of them. Empty if there is none. */
export function rawSqlOf(args: unknown): string {
  const [first, ...values] = Array.isArray(args) ? (args as readonly unknown[]) : [args];
  return isTemplate(first)
    ? first.map((text, n) => (n === 0 ? text : `${textOf(values[n - 1]) ?? "?"}${text}`)).join("")
    : typeof first === "string"
      ? first
      : (textOf(first) ?? "");
}

/** What a template literal passes to its tag. A value in it may be text too: `Prisma.raw("...")`. */
function isTemplate(value: unknown): value is readonly string[] {
  return Array.isArray(value) && "raw" in value;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "object" && value !== null && "sql" in value && typeof value.sql === "string"
    ? value.sql
    : undefined;
}
