import { appendFileSync, existsSync, rmSync, statSync, truncateSync } from "node:fs";
import { CliError } from "../cli-error.ts";

/**
 * Writes `text` at the end of a file, or makes the file. What is there already stays as it is.
 *
 * @throws CliError if it cannot be written; then nothing is.
 */
export function append(path: string, name: string, text: string): void {
  const size = existsSync(path) ? statSync(path).size : undefined;
  try {
    appendFileSync(path, text);
  } catch (error) {
    takeBack(path, size);
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    throw new CliError(
      `${name} could not be written (${code}): it must be writable, and the disk must have room.`,
      {
        cause: error,
      },
    );
  }
}

/** A full disk takes the first part of a text. */
function takeBack(path: string, size: number | undefined): void {
  try {
    if (size !== undefined) {
      truncateSync(path, size);
    } else {
      rmSync(path, { force: true });
    }
  } catch {
    // It was never writable.
  }
}
