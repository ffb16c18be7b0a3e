import type { Command } from "commander";
import type { Report } from "../report.ts";
import { init } from "./init.ts";

/** Adds the command `init` to the program; `print` gets what it has to say. */
export function registerInit(program: Command, print: (report: Report) => void): void {
  program
    .command("init")
    .description("add the models to your Prisma schema; changes nothing that is there")
    .option("--schema <path>", "the schema: a file, or a folder (default: found as Prisma finds it)")
    .option("--provider <name>", "postgresql, sqlite or mysql (MariaDB), if the schema does not say")
    .option("--db-schema <name>", "which of the datasource's schemas the tables go to (default: the first)")
    .addHelpText("after", "\nExample:\n  npx onceonly init && npx prisma migrate dev --name idempotency\n")
    .action(async (options: { schema?: string; provider?: string; dbSchema?: string }) => {
      print(await init({ ...options, cwd: process.cwd() }));
    });
}
