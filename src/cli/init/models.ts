import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Provider } from "../../sql/dialects.ts";
import { CliError } from "../cli-error.ts";
import { type Block, blocksOf, fieldsOf, textsOf } from "./schema-blocks.ts";

/** One of the models of the package. */
export interface ShippedModel {
  readonly name: string;
  /** The table, as the package names it. */
  readonly table: string;
  readonly fields: readonly string[];
  /** With the comments before it. */
  readonly text: string;
}

/** Where the package has the models, as seen from its root. */
export const modelsFileOf = (provider: Provider): string => `prisma/${provider}/idempotency.prisma`;

/** The models of the package for a database. */
export function shippedModels(provider: Provider): ShippedModel[] {
  const place = modelsFileOf(provider);
  const text = readFileSync(join(packageRoot(place), place), "utf8").replaceAll("\r\n", "\n");
  return Array.from(text.matchAll(/(?:^\/\/\/.*\n)*^model [^]*?^\}\n/gm), ([model]) => {
    const [block] = blocksOf(model, place);
    const name = block?.name ?? "";
    const [table = name] = block === undefined ? [] : textsOf(block, "@@map");
    return { name, table, fields: block === undefined ? [] : fieldsOf(block), text: model };
  });
}

/** The nearest folder above this file that has `place`: the sources and the build lie at different depths. */
function packageRoot(place: string): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, place)) && dirname(folder) !== folder) {
    folder = dirname(folder);
  }
  return folder;
}

/** Fields that every version of ours has, and hardly a model of somebody else. */
const MARKS: Readonly<Record<string, readonly string[]>> = {
  IdempotencyRecord: ["fingerprint", "operation", "expiresAt"],
  IdempotencyStep: ["recordId", "recordCreatedAt"],
};

/** A block of the schema, and what messages call its file. */
export interface PlacedBlock extends Block {
  readonly file: string;
}

/**
 * The models that the schema does not have yet.
 *
 * @throws CliError if something else has the name of one, or ours lacks fields of this version.
 */
export function missingModels(
  shipped: readonly ShippedModel[],
  blocks: readonly PlacedBlock[],
  source: string,
): ShippedModel[] {
  const named = blocks.filter(({ keyword }) => keyword !== "datasource" && keyword !== "generator");
  return shipped.filter(({ name, fields }) => {
    const same = named.find((block) => block.name === name);
    if (same === undefined) {
      return true;
    }
    const present = same.keyword === "model" ? fieldsOf(same) : [];
    if (!MARKS[name]?.every((mark) => present.includes(mark))) {
      throw new CliError(
        `${same.file} has the ${same.keyword} ${name}, which is not that of onceonly: rename yours, in Prisma ` +
          "alone if its table is to stay (@@map).",
      );
    }
    const lacking = fields.filter((field) => !present.includes(field));
    if (lacking.length > 0) {
      throw new CliError(
        `The model ${name} in ${same.file} lacks ${lacking.join(", ")}: copy that from ${source}.`,
      );
    }
    return false;
  });
}

/** @throws CliError if a model of the schema has the table of one of `models`: Prisma takes one for each. */
export function refuseSharedTables(
  models: readonly ShippedModel[],
  blocks: readonly PlacedBlock[],
  dbSchema: string | undefined,
): void {
  for (const { name, table } of models) {
    const other = blocks.find(
      (block) =>
        block.keyword === "model" &&
        (textsOf(block, "@@map")[0] ?? block.name) === table &&
        (dbSchema === undefined || textsOf(block, "@@schema")[0] === dbSchema),
    );
    if (other !== undefined) {
      throw new CliError(
        `The model ${other.name} in ${other.file} has the table ${table}, which the model ${name} of onceonly needs: remove it, if it ` +
          "came from `prisma db pull`, or give it another table.",
      );
    }
  }
}

/** The models as they are to be written: in a database schema, where models have to say one, and with the line ends of the file. */
export function textOf(
  models: readonly ShippedModel[],
  { dbSchema, lineEnd }: { readonly dbSchema: string | undefined; readonly lineEnd: string },
): string {
  const attribute = dbSchema === undefined ? "" : `  @@schema(${JSON.stringify(dbSchema)})\n`;
  return models
    .map(({ text }) => text.replace(/\}\n$/, `${attribute}}\n`))
    .join("\n")
    .replaceAll("\n", lineEnd);
}
