import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { createJiti } from "jiti";
import { CliError } from "../cli-error.ts";

const EXTENSIONS = [".js", ".ts", ".mjs", ".cjs", ".mts", ".cts"];

/** Where Prisma 6.19 and 7 look for their configuration, in that order. */
const PLACES = [
  ...["prisma7.config", ".config/prisma7"].flatMap((base) => EXTENSIONS.map((end) => base + end)),
  ...["prisma.config", ".config/prisma", ".config/prisma.config"].flatMap((base) => [
    ...EXTENSIONS.map((end) => base + end),
    ...EXTENSIONS.map((end) => `${base}/index${end}`),
  ]),
];

/** The schema that the Prisma configuration in `cwd` names, and the file that names it. Runs that file, as Prisma does. */
export async function schemaOfConfig(cwd: string): Promise<{ path: string; saidBy: string } | undefined> {
  const place = PLACES.find((each) => existsSync(join(cwd, each)));
  if (place === undefined) {
    return undefined;
  }
  const file = join(cwd, place);
  const schema = schemaIn(await loaded(file, relative(cwd, file)));
  if (schema !== undefined && (typeof schema !== "string" || schema === "")) {
    throw new CliError(`The schema in ${place} is no path. Give one by --schema.`);
  }
  return schema === undefined ? undefined : { path: resolve(dirname(file), schema), saidBy: place };
}

async function loaded(file: string, name: string): Promise<unknown> {
  // Nothing of it is kept, so that no file is left behind.
  const jiti = createJiti(import.meta.url, { interopDefault: true, fsCache: false, moduleCache: false });
  try {
    return await jiti.import(file, { default: true });
  } catch (error) {
    const [said = ""] = (error instanceof Error ? error.message : String(error)).trim().split("\n");
    throw new CliError(
      `${name} could not be read (${said.replace(/\.$/, "")}): set what it needs, or give the schema by --schema.`,
      { cause: error },
    );
  }
}

const schemaIn = (config: unknown): unknown =>
  typeof config === "object" && config !== null && "schema" in config ? config.schema : undefined;
