import type { Command } from "commander";
import { init } from "../init/init.ts";
import { withOutputOptions } from "../options/shared-options.ts";
import { withExamples } from "./application-command.ts";
import { print } from "./print.ts";

interface InitFlags {
  readonly schema?: string;
  readonly provider?: string;
  readonly dbSchema?: string;
  readonly json?: boolean;
}

/** `onceonly init` */
export function registerInit(program: Command): void {
  const command = program
    .command("init")
    .summary("adds the models to your Prisma schema")
    .description(
      "Adds the models to your Prisma schema, and says what to run next. Changes nothing that is there.",
    )
    .option("--schema <path>", "a file, or a folder of several; default: where Prisma finds it")
    .option("--provider <name>", "postgresql, sqlite or mysql (MariaDB), if the schema does not say")
    .option("--db-schema <name>", "which of the datasource's schemas the tables go to; default: the first");
  withExamples(withOutputOptions(command), "init", "init --schema packages/db/prisma").action(
    async ({ json = false, ...flags }: InitFlags) => {
      await print(await init({ ...flags, cwd: process.cwd() }), { json });
    },
  );
}
