import { once } from "node:events";
import type { Command } from "commander";
import type { Idempotency } from "../../core/contract/idempotency.ts";
import { type ApplicationOptions, openApplication } from "../application/application.ts";
import { CliError } from "../cli-error.ts";
import { type ServedConsole, serveConsole } from "../console/serve-console.ts";
import { sentenceOf } from "../failure.ts";
import { whole } from "../options/arguments.ts";
import { withApplicationOptions } from "../options/shared-options.ts";
import { printOut } from "../terminal/stdout.ts";
import { stoppable } from "../terminal/stopping.ts";
import { withExamples } from "./application-command.ts";

interface ConsoleFlags extends ApplicationOptions {
  readonly port: number;
}

const PORT_MAX = 65_535;

/** `onceonly console` */
export function registerConsole(program: Command): void {
  const command = program
    .command("console")
    .summary("serves pages about the records, on this machine")
    .description(
      "Serves pages on 127.0.0.1 on which to look records up, and to forget them, until Ctrl-C. The address that it prints lets in " +
        "whoever has it.",
    )
    .option("--port <number>", "port on 127.0.0.1; 0: one that is free", whole(0, PORT_MAX), 0)
    .option("--debug", "print the stack of an error, too");
  withExamples(withApplicationOptions(command), "console", "console --port 4983").action(
    async (options: ConsoleFlags) => {
      const application = await openApplication(options);
      try {
        await stoppable((signal) => served(application.idempotency, options.port, signal));
      } finally {
        await application.close();
      }
    },
  );
}

async function served(idempotency: Idempotency<unknown>, port: number, signal: AbortSignal): Promise<void> {
  const page = await listening(idempotency, port);
  await printOut(`The console is at\n\n  ${page.url}\n\nCtrl-C ends it.\n`);
  await once(signal, "abort");
  await page.close();
}

async function listening(idempotency: Idempotency<unknown>, port: number): Promise<ServedConsole> {
  try {
    return await serveConsole({ idempotency, port });
  } catch (error) {
    const isTaken = (error as { readonly code?: unknown } | null)?.code === "EADDRINUSE";
    throw new CliError(
      isTaken
        ? `Port ${port} is in use: give another one by --port, or none.`
        : `The console cannot be served: ${sentenceOf(error)}`,
      { cause: error },
    );
  }
}
