import { join, relative, sep } from "node:path";
import type { Provider } from "../../sql/dialects.ts";
import type { Answer } from "../answer.ts";
import { CliError } from "../cli-error.ts";
import { append } from "./append.ts";
import { datasourceOf } from "./datasource.ts";
import { type FoundSchema, findSchema } from "./find-schema.ts";
import { missingModels, modelsFileOf, refuseSharedTables, shippedModels, textOf } from "./models.ts";
import { nextSteps } from "./next-steps.ts";
import { blocksOf } from "./schema-blocks.ts";

/** What `init` goes by. */
export interface InitOptions {
  /** Where the schema is looked for: an absolute path. */
  readonly cwd: string;
  /** A file, or a folder of `*.prisma` files. Default: found as Prisma finds it. */
  readonly schema?: string | undefined;
  /** `"postgresql"`, `"sqlite"`, or `"mysql"` for MariaDB, if the schema does not say. */
  readonly provider?: string | undefined;
  /** Which of the `schemas` of the datasource the tables go to. Default: the first. */
  readonly dbSchema?: string | undefined;
}

/** What `init` has done. */
export interface InitReport extends Answer {
  readonly json: {
    readonly provider: Provider;
    /** The file that has been added to; `null` if nothing was to be added. */
    readonly file: string | null;
    /** The models that were added. */
    readonly models: readonly string[];
    /** The database schema that they are in; `null` if the schema names none. */
    readonly dbSchema: string | null;
    /** What to do next. */
    readonly next: readonly string[];
  };
}

/**
 * Adds the package's models to the Prisma schema of an application: to a schema of one file at its end, to a folder as a file of
 * their own. Changes nothing that is there, and nothing at all if they are there already.
 *
 * @throws CliError if that cannot be; then nothing is changed.
 */
export async function init(options: InitOptions): Promise<InitReport> {
  const { cwd, schema, provider: wanted } = options;
  const found = await findSchema(cwd, schema);
  const name = nameIn(cwd, found.path);
  const blocks = found.files.flatMap((file) =>
    blocksOf(file.text, file.name).map((block) => ({ ...block, file: file.name })),
  );
  const datasource = datasourceOf(blocks, name, wanted);
  const { provider } = datasource;
  const dbSchema = dbSchemaOf(datasource.dbSchemas, options.dbSchema, name);
  const source = `node_modules/onceonly/${modelsFileOf(provider)}`;
  const models = missingModels(shippedModels(provider), blocks, source);
  const names = models.map((model) => model.name);
  const next = nextSteps(provider, schema);
  if (models.length === 0) {
    const lines = [`The models are in ${name} already: nothing was changed.`];
    return { lines, json: { provider, file: null, models: [], dbSchema: null, next: [] }, isNo: false };
  }
  refuseSharedTables(models, blocks, dbSchema);

  const target = found.isFolder ? join(found.path, "idempotency.prisma") : found.path;
  const file = nameIn(cwd, target);
  append(
    target,
    file,
    addition(found, target, (lineEnd) => textOf(models, { dbSchema, lineEnd })),
  );
  return {
    lines: [
      `Added the model${names.length === 1 ? "" : "s"} ${names.join(" and ")} to ${file}${placeOf(dbSchema, datasource.dbSchemas)}.`,
      "Next:",
      ...next.map((step) => `  ${step}`),
    ],
    json: { provider, file, models: names, dbSchema: dbSchema ?? null, next },
    isNo: false,
  };
}

const nameIn = (cwd: string, path: string) => relative(cwd, path).split(sep).join("/") || ".";

/** With an empty line after what the file has. */
function addition(found: FoundSchema, target: string, text: (lineEnd: string) => string): string {
  const before = found.files.find(({ path }) => path === target)?.text ?? "";
  const lineEnd = (before || (found.files[0]?.text ?? "")).includes("\r\n") ? "\r\n" : "\n";
  const gap = before === "" ? "" : before.endsWith("\n") ? lineEnd : lineEnd + lineEnd;
  return gap + text(lineEnd);
}

function dbSchemaOf(
  dbSchemas: readonly string[],
  wanted: string | undefined,
  schema: string,
): string | undefined {
  if (wanted !== undefined && !dbSchemas.includes(wanted)) {
    const said = dbSchemas.length === 0 ? "names no schemas" : `has the schemas ${dbSchemas.join(", ")}`;
    throw new CliError(`--db-schema says ${wanted}, and the datasource of ${schema} ${said}: add it there.`);
  }
  return wanted ?? dbSchemas[0];
}

const placeOf = (dbSchema: string | undefined, dbSchemas: readonly string[]) =>
  dbSchema === undefined
    ? ""
    : `, in the database schema ${dbSchema}${dbSchemas.length > 1 ? ` (of ${dbSchemas.join(", ")}: --db-schema takes another)` : ""}`;
