import type { Command } from "commander";
import type { ConsoleIdempotency } from "../../console/index.ts";
import { reasonOf } from "../../core/contract/callbacks.ts";
import { CliError } from "../cli-error.ts";
import { type ServedConsole, serveConsole } from "./serve-console.ts";

/** The application's object, as the command line finds it. */
export interface LoadedIdempotency {
  readonly idempotency: ConsoleIdempotency;
  /** Disconnects it. */
  readonly close?: (() => Promise<void>) | undefined;
}

/** Finds the object that the options of a command name, such as `--module`. */
export type LoadIdempotency = (command: Command) => Promise<LoadedIdempotency>;

/** Adds `onceonly console`, which serves the console on this machine until it is interrupted. */
export function registerConsole(program: Command, load: LoadIdempotency): void {
  program
    .command("console")
    .description("serve the console page on this machine, until Ctrl+C")
    .option("--port <number>", "port on 127.0.0.1; default: one that is free")
    .addHelpText("after", "\nExample:\n  npx onceonly console --port 4983")
    .action(async (options: { port?: string }, command: Command) => {
      const port = portOf(options.port);
      const { idempotency, close } = await load(command);
      try {
        await serveUntilInterrupted(idempotency, port);
      } finally {
        await close?.();
      }
    });
}

function portOf(text: string | undefined): number {
  const port = text === undefined ? 0 : /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) {
    throw new CliError(`--port is ${JSON.stringify(text)}; give a number from 0 to 65535.`);
  }
  return port;
}

async function serveUntilInterrupted(idempotency: ConsoleIdempotency, port: number): Promise<void> {
  const served = await listening(idempotency, port);
  const interrupted = new Promise<void>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
  process.stdout.write(
    `The console is at\n\n  ${served.url}\n\nThe address lets in whoever has it, to look at records and to forget them. Ctrl+C ends it.\n`,
  );
  await interrupted;
  await served.close();
}

async function listening(idempotency: ConsoleIdempotency, port: number): Promise<ServedConsole> {
  try {
    return await serveConsole({ idempotency, port });
  } catch (error) {
    const isTaken = (error as { code?: unknown } | null)?.code === "EADDRINUSE";
    throw new CliError(
      isTaken
        ? `Port ${port} is in use; give another by --port, or none.`
        : `The console cannot be served: ${reasonOf(error)}`,
      { cause: error },
    );
  }
}
