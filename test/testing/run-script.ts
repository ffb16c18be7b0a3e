import { execFile } from "node:child_process";
import type { TestDatabase } from "../support/database.ts";

interface Ended {
  readonly code: number | string | null | undefined;
  readonly output: string;
}

/** What the tests of both runners fail with that must fail. */
export const FOUND = "mails has changed by +1 in an attempt that was rolled back";

/** Runs Node.js with these arguments, for tests on `database`. */
export async function runTests({ provider, url }: TestDatabase, args: readonly string[]): Promise<Ended> {
  // It would tell Node.js that this process belongs to a run of node:test.
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  const env = { ...environment, TARGET: JSON.stringify({ provider, url }) };
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, output: stdout + stderr }),
    );
  });
}
