import type { Command } from "commander";

/** The options of every command. */
export function withOutputOptions(command: Command): Command {
  return command
    .optionsGroup("Output:")
    .option("--json", "print one document of JSON, and nothing else")
    .option("--debug", "print the stack of an error, too");
}

/** The options of commands that need the application, as `openApplication` takes them. */
export function withApplicationOptions(command: Command): Command {
  return command
    .optionsGroup("The application:")
    .option("--module <path>", "the module that exports your idempotency, instead of a config")
    .option("--export <name>", "its export, if neither the default nor idempotency")
    .option("--config <path>", "the config, instead of the nearest onceonly.config.ts")
    .option("--tsconfig <path>", "whose paths imports follow; default: that of the module")
    .option("--env <path...>", "sets variables from a file, such as .env; those that are set stay");
}
