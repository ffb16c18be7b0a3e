/** Prisma's operations that write nothing. All others are taken for writes, also those of later versions. */
const READS: ReadonlySet<string> = new Set([
  "findUnique",
  "findUniqueOrThrow",
  "findFirst",
  "findFirstOrThrow",
  "findMany",
  "count",
  "aggregate",
  "groupBy",
]);

/** Whether an operation of a model, or a method of the client such as `$queryRaw`, may write. */
export function mayWrite(operation: string): boolean {
  return !READS.has(operation);
}

/** Whether a property of a client is a model. What begins otherwise is the client's own, such as its description. */
export function isModelName(name: PropertyKey): boolean {
  return typeof name === "string" && !/^[$_]/.test(name);
}

/** Whether a method of a client is Prisma's own, which is to be called on the client itself, and none of an extension. */
export function isPrismas(name: PropertyKey): boolean {
  return /^(_|\$(connect|disconnect|on|extends|queryRaw|executeRaw|runCommandRaw))/.test(String(name));
}
