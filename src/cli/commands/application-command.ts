import type { Command } from "commander";
import type { Idempotency } from "../../core/contract/idempotency.ts";
import { type ApplicationOptions, openApplication } from "../application/application.ts";
import { printOut } from "../terminal/stdout.ts";
import { jsonText } from "../terminal/values.ts";

/** What a command has to say. */
export interface Answer {
  readonly lines: readonly string[];
  /** For `--json`. */
  readonly json: unknown;
  /** Whether the answer is no, which ends the process with code 1. */
  readonly isNo?: boolean;
}

export interface OutputOptions {
  readonly json?: boolean;
}

/**
 * Gives a command the options by which it finds the application, and has `work` answer with the instance.
 *
 * @param check throws for options that do not go together, before anything of the application is loaded.
 */
export function onApplication(
  command: Command,
  work: (idempotency: Idempotency<unknown>, options: never) => Promise<Answer>,
  check: (options: never) => unknown = () => undefined,
): Command {
  return withOutputOptions(command)
    .optionsGroup("The application:")
    .option("--module <path>", "the module that exports your idempotency, instead of a config")
    .option("--export <name>", "its export, if neither the default nor idempotency")
    .option("--config <path>", "the config, instead of the nearest onceonly.config.ts")
    .option("--tsconfig <path>", "whose paths imports follow; default: that of the module")
    .option("--env <path...>", "sets variables from a file, such as .env; those that are set stay")
    .action(async (options: ApplicationOptions & OutputOptions) => {
      check(options as never);
      const application = await openApplication(options);
      try {
        await print(await work(application.idempotency, options as never), options);
      } finally {
        await application.close();
      }
    });
}

/** The options of every command. */
export function withOutputOptions(command: Command): Command {
  return command
    .optionsGroup("Output:")
    .option("--json", "print one document of JSON, and nothing else")
    .option("--debug", "print the stack of an error, too");
}

/** Prints an answer, and has the process end by it. */
export async function print(answer: Answer, { json = false }: OutputOptions): Promise<void> {
  await printOut(json ? `${jsonText(answer.json)}\n` : answer.lines.map((line) => `${line}\n`).join(""));
  process.exitCode = answer.isNo === true ? 1 : 0;
}

/** An example for the help of a command. */
export function withExamples(command: Command, ...examples: readonly string[]): Command {
  const title = examples.length === 1 ? "Example:" : "Examples:";
  return command.addHelpText(
    "after",
    `\n${[title, ...examples.map((each) => `  $ npx onceonly ${each}`)].join("\n")}`,
  );
}
