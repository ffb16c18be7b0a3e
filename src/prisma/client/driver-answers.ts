/** What pg, and the driver of Neon that is made of it, answer to a text of several statements. */

/** What the driver makes of one statement, each value as the database's text. */
export interface TextResult {
  readonly rowCount: number | null;
  readonly rows: readonly Readonly<Record<string, string | null>>[];
}

/** How a server, or a pooler before it, refuses several statements: syntax_error, feature_not_supported, protocol_violation. */
export const REFUSALS: ReadonlySet<string> = new Set(["42601", "0A000", "08P01"]);

/** What pg makes of an error that the database has answered with. */
export interface DatabaseError extends Error {
  /** The SQLSTATE. */
  readonly code: string;
  /** The functions in which the error was raised. */
  readonly where?: string;
}

export function isOfDatabase(error: unknown): error is DatabaseError {
  return (
    error instanceof Error &&
    /^[0-9A-Z]{5}$/.test(String((error as Partial<DatabaseError>).code)) &&
    !("syscall" in error)
  );
}

export function isResults(results: unknown, length: number): results is TextResult[] {
  return (
    Array.isArray(results) &&
    results.length === length &&
    results.every((result: Partial<TextResult> | null) => Array.isArray(result?.rows))
  );
}
