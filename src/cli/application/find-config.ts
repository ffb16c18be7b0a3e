import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { CliError } from "../cli-error.ts";

const NAMES = ["ts", "mts", "cts", "js", "mjs", "cjs"].map((extension) => `onceonly.config.${extension}`);

/**
 * The config of the application that `from` is in: in that folder or above, up to the first that has a package.json or is the root of
 * a repository.
 *
 * @throws {@link CliError} when there is none, or more than one in a folder.
 */
export function findConfig(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const [found, another] = NAMES.filter((name) => existsSync(join(folder, name)));
    if (another !== undefined) {
      throw new CliError(
        `There are two configs in ${folder}, ${found} and ${another}: delete one, or name the one that counts by --config.`,
      );
    }
    if (found !== undefined) {
      return join(folder, found);
    }
    const isRoot = ["package.json", ".git"].some((name) => existsSync(join(folder, name)));
    if (isRoot || folder === dirname(folder)) {
      const where = folder === from ? folder : `${from}, nor above up to ${folder}`;
      throw new CliError(
        `There is no onceonly.config.ts in ${where}: make one that exports { idempotency } as its default, or name the module that ` +
          "exports your idempotency by --module.",
      );
    }
  }
}

/** A file as the command line shows it. */
export function shownPath(path: string, cwd: string): string {
  const below = relative(cwd, path);
  return below === "" || below.startsWith("..") ? path : below;
}
