import type { Command } from "commander";
import { upgrade } from "../upgrade/upgrade.ts";
import { onApplication, withExamples } from "./application-command.ts";

/** `onceonly upgrade` */
export function registerUpgrade(program: Command): void {
  const command = program
    .command("upgrade")
    .summary("says what the tables lack, as SQL")
    .description(
      "Says what the tables lack for this version of the package, as SQL, and runs none of it. Code 1 if there is something to do.",
    );
  withExamples(onApplication(command, upgrade), "upgrade > upgrade.sql");
}
