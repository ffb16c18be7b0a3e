import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve, sep } from "node:path";
import { CliError } from "../cli-error.ts";
import { schemaOfConfig } from "./prisma-config.ts";

/** Where the application has its Prisma schema. */
export interface FoundSchema {
  /** A file, or a folder whose `*.prisma` files are one schema. */
  readonly path: string;
  readonly isFolder: boolean;
  /** All files of the schema. */
  readonly files: readonly SchemaFile[];
}

/** One file of a schema. */
interface SchemaFile {
  readonly path: string;
  /** As messages call it: seen from the working directory. */
  readonly name: string;
  readonly text: string;
}

/** Where Prisma looks if nothing says otherwise. */
const DEFAULTS = ["schema.prisma", "prisma/schema.prisma"];

/**
 * Finds the schema where Prisma 6.19 and 7 find it: by `given` (the option), the Prisma configuration, `prisma.schema` in
 * package.json, or in its usual places.
 *
 * @throws CliError
 */
export async function findSchema(cwd: string, given: string | undefined): Promise<FoundSchema> {
  if (given === "") {
    throw new CliError("--schema is empty. Give the path of a file or a folder, or leave it out.");
  }
  if (given !== undefined) {
    return schemaAt(cwd, resolve(cwd, given), "--schema");
  }
  const named = (await schemaOfConfig(cwd)) ?? (readsPackage(cwd) ? schemaOfPackage(cwd) : undefined);
  if (named !== undefined) {
    return schemaAt(cwd, named.path, named.saidBy);
  }
  const present = DEFAULTS.filter((place) => existsSync(join(cwd, place)));
  if (present.length > 1) {
    throw new CliError(`There are two schemas, ${present.join(" and ")}. Say which by --schema.`);
  }
  const [place] = present;
  if (place === undefined) {
    throw new CliError(
      `No Prisma schema was found: no Prisma config${readsPackage(cwd) ? " or package.json" : ""} names one, and there is no ${DEFAULTS.join(" or ")}. ` +
        adviceIn(cwd),
    );
  }
  return schemaAt(cwd, join(cwd, place), place);
}

/** Prisma 7 does not look there any more. */
function readsPackage(cwd: string): boolean {
  try {
    const { version } = createRequire(join(cwd, "package.json"))("prisma/package.json") as {
      version: string;
    };
    return Number.parseInt(version, 10) < 7;
  } catch {
    return true;
  }
}

/** `prisma.schema` of the nearest package.json. */
function schemaOfPackage(cwd: string): { path: string; saidBy: string } | undefined {
  const file = join(cwd, "package.json");
  if (!existsSync(file)) {
    return dirname(cwd) === cwd ? undefined : schemaOfPackage(dirname(cwd));
  }
  let content: { readonly prisma?: { readonly schema?: unknown } } | null;
  try {
    content = JSON.parse(readFileSync(file, "utf8")) as typeof content;
  } catch (error) {
    throw new CliError(`${file} is not JSON. Give the schema by --schema.`, {
      cause: error,
    });
  }
  const schema = content?.prisma?.schema;
  return typeof schema === "string" ? { path: resolve(cwd, schema), saidBy: "package.json" } : undefined;
}

function schemaAt(cwd: string, path: string, saidBy: string): FoundSchema {
  const nameOf = (file: string) => relative(cwd, file).split(sep).join("/") || ".";
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) {
    throw new CliError(`There is no ${nameOf(path)}, where ${saidBy} says that the Prisma schema is.`);
  }
  const isFolder = stats.isDirectory();
  const paths = isFolder ? filesIn(path) : [path];
  if (paths.length === 0) {
    throw new CliError(`The folder ${nameOf(path)}, which ${saidBy} names, has no *.prisma files.`);
  }
  const files = paths.map((file) => ({ path: file, name: nameOf(file), text: textIn(file, nameOf(file)) }));
  return { path, isFolder, files };
}

/** Packages have schemas of their own, this one too. */
const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".prisma") && !file.split(sep).includes("node_modules"))
    .map((file) => join(folder, file))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true)
    .sort();

function textIn(file: string, name: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    throw new CliError(`${name} could not be read (${code}).`, { cause: error });
  }
}

/** Schemas in the packages of a repository, and a folder that Prisma does not look into by itself. */
function adviceIn(cwd: string): string {
  const near = foldersIn(cwd);
  const places = [cwd, ...near, ...near.flatMap(foldersIn)].flatMap((folder) =>
    [...DEFAULTS, "prisma/schema", "prisma"].map((place) => join(folder, place)),
  );
  const found = places.find(isSchema);
  return found === undefined
    ? "Run this where `npx prisma validate` works, or say where the schema is: --schema <path>."
    : `There is ${relative(cwd, found)}: give it by --schema.`;
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !/^\.|^node_modules$/.test(entry.name))
      .map(({ name }) => join(folder, name));
  } catch {
    // Whatever cannot be seen is not advised.
    return [];
  }
}

function isSchema(place: string): boolean {
  const stats = statSync(place, { throwIfNoEntry: false });
  return stats?.isDirectory() ? filesIn(place).length > 0 : stats !== undefined;
}
