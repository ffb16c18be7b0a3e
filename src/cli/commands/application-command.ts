import type { Command } from "commander";
import type { Idempotency } from "../../core/contract/idempotency.ts";
import type { Answer } from "../answer.ts";
import { type ApplicationOptions, openApplication } from "../application/application.ts";
import { withApplicationOptions, withOutputOptions } from "../options/shared-options.ts";
import { print } from "./print.ts";

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
  return withApplicationOptions(withOutputOptions(command)).action(
    async (options: ApplicationOptions & { readonly json?: boolean }) => {
      check(options as never);
      const application = await openApplication(options);
      try {
        await print(await work(application.idempotency, options as never), options);
      } finally {
        await application.close();
      }
    },
  );
}

/** Examples for the help of a command. */
export function withExamples(command: Command, ...examples: readonly string[]): Command {
  const title = examples.length === 1 ? "Example:" : "Examples:";
  return command.addHelpText(
    "after",
    `\n${[title, ...examples.map((each) => `  $ npx onceonly ${each}`)].join("\n")}`,
  );
}
