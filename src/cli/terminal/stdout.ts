/** Standard output belongs to the answer of the command. What the application prints goes to standard error. */

const { stdout, stderr } = process;
const writeOut = stdout.write.bind(stdout);

/** From now on, all that is printed by others than {@link printOut} goes to standard error. */
export function keepStdout(): void {
  stdout.write = stderr.write.bind(stderr);
  for (const stream of [stdout, stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      // The reader has had enough, as in `onceonly list | head`.
      if (error.code !== "EPIPE") {
        throw error;
      }
    });
  }
}

/** Prints a part of the answer. Resolves when it has been handed to whoever reads it, or nobody does any more. */
export function printOut(text: string): Promise<void> {
  return new Promise((resolve) => {
    writeOut(text, () => resolve());
  });
}

/** Prints what is not part of the answer. */
export function printErr(text: string): void {
  stderr.write(text);
}
