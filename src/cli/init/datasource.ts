import { dialects, type Provider, providerNamed } from "../../sql/dialects.ts";
import { CliError } from "../cli-error.ts";
import { type Block, textsOf } from "./schema-blocks.ts";

/** What the schema says of its database. */
export interface Datasource {
  readonly provider: Provider;
  /** The database schemas that models must choose from; none if they need not. */
  readonly dbSchemas: readonly string[];
}

/** @throws CliError if it is not one that the package has models for, or `wanted` (an option) is another. */
export function datasourceOf(
  blocks: readonly Block[],
  schema: string,
  wanted: string | undefined,
): Datasource {
  const [datasource, second] = blocks.filter(({ keyword }) => keyword === "datasource");
  if (second !== undefined) {
    throw new CliError(`${schema} has more than one datasource, and Prisma takes one.`);
  }
  if (datasource === undefined) {
    throw new CliError(
      `${schema} has no datasource: give the whole schema by --schema, a folder if it has several files.`,
    );
  }
  const [said] = textsOf(datasource, "provider");
  if (said === undefined && wanted === undefined) {
    throw new CliError(
      `The datasource of ${schema} names no provider. Write one there, or give one by --provider.`,
    );
  }
  const provider = known(said ?? wanted ?? "", schema);
  if (wanted !== undefined && known(wanted, "--provider") !== provider) {
    throw new CliError(
      `--provider says ${wanted}, and the datasource of ${schema} ${said}: leave the option out.`,
    );
  }
  return { provider, dbSchemas: textsOf(datasource, "schemas") };
}

function known(name: string, saidBy: string): Provider {
  const provider = providerNamed(name);
  if (!isProvider(provider)) {
    throw new CliError(
      `${saidBy} says provider "${name}", and onceonly has models for postgresql, sqlite and mysql (MariaDB).`,
    );
  }
  return provider;
}

const isProvider = (name: string): name is Provider => Object.hasOwn(dialects, name);
