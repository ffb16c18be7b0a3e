import type { Command } from "commander";
import type { Idempotency } from "../../core/contract/idempotency.ts";
import type { Report } from "../report.ts";
import { upgrade } from "./upgrade.ts";

/** What the program has for its commands. */
export interface UpgradeContext {
  /** Finds the application's instance. */
  readonly open: () => Promise<Idempotency<unknown>>;
  /** Gets what the command has to say. */
  readonly print: (report: Report) => void;
}

/** Adds the command `upgrade` to the program. */
export function registerUpgrade(program: Command, { open, print }: UpgradeContext): void {
  program
    .command("upgrade")
    .description(
      "say what the tables lack for this version, as SQL; runs none of it (exit code 1: there is something to do)",
    )
    .addHelpText("after", "\nExample:\n  npx onceonly upgrade > upgrade.sql\n")
    .action(async () => {
      print(await upgrade(await open()));
    });
}
