import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { createJiti } from "jiti";
import { CliError } from "../cli-error.ts";
import { sentenceOf } from "../failure.ts";
import type { Exports } from "./instance.ts";

/**
 * Loads a module of the application, TypeScript or not, in either module system.
 *
 * @param file as it is shown.
 * @throws {@link CliError} for a module that throws or does not compile.
 */
export async function loadModule(path: string, file: string, tsconfig: string | undefined): Promise<Exports> {
  if (!existsSync(path)) {
    throw new CliError(`There is no file ${file}.`);
  }
  if (tsconfig !== undefined && !existsSync(tsconfig)) {
    throw new CliError(`There is no file ${tsconfig}, which --tsconfig names.`);
  }
  const jiti = createJiti(path, {
    tsconfigPaths: tsconfig === undefined ? true : resolve(tsconfig),
    // A module of an application may import its components.
    jsx: { runtime: "automatic" },
    // Transformed by jiti, Prisma 7 finds no `path.posix`, and each of its errors is a TypeError of its own.
    nativeModules: ["typescript", "@prisma/client"],
    // Throws outside of React's server, where it is for bundlers alone.
    virtualModules: { "server-only": {} },
  });
  try {
    return await jiti.import<Exports>(path);
  } catch (error) {
    throw new CliError(`${file} could not be loaded: ${sentenceOf(error)}${hintFor(error)}`, {
      cause: error,
    });
  }
}

/** A module of JavaScript is Node's own business, with all that it imports, and Node.js 20 reads no TypeScript. */
export function hintFor(error: unknown): string {
  const isTypeScript =
    error instanceof TypeError && /Unknown file extension "\.[mc]?tsx?"/.test(error.message);
  return isTypeScript
    ? " What imports TypeScript must be TypeScript itself: give it a name that ends in .ts."
    : "";
}
