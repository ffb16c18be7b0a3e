import { createRequire } from "node:module";
import { Command, CommanderError } from "commander";
import { registerCheck } from "./commands/check.ts";
import { registerConsole } from "./commands/console.ts";
import { registerForget } from "./commands/forget.ts";
import { registerInit } from "./commands/init.ts";
import { registerList } from "./commands/list.ts";
import { registerPrune } from "./commands/prune.ts";
import { registerReencrypt } from "./commands/reencrypt.ts";
import { registerShow } from "./commands/show.ts";
import { registerStats } from "./commands/stats.ts";
import { registerUpgrade } from "./commands/upgrade.ts";
import { failureOf } from "./failure.ts";
import { keepStdout, printErr, printOut } from "./terminal/stdout.ts";

/** Could not: bad usage, no application, no database. */
const COULD_NOT = 2;

/** Runs the command line, and ends the process, although the application has connections open. */
export async function main(args: readonly string[]): Promise<never> {
  keepStdout();
  let hasEnded = false;
  const end = (code: number): never => {
    hasEnded = true;
    process.exit(code);
  };
  const fail = (error: unknown): never => {
    printErr(`onceonly: ${failureOf(error)}\n`);
    if (args.includes("--debug") && error instanceof Error) {
      printErr(`${stackOf(error)}\n`);
    }
    return end(COULD_NOT);
  };
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);
  process.on("exit", (code) => {
    if (!hasEnded) {
      printErr(`onceonly: The application ended the process (code ${code}) before there was an answer.\n`);
      process.exitCode = COULD_NOT;
    }
  });
  try {
    await program().parseAsync([...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      return fail(error);
    }
    // It has said why.
    return end(error.exitCode === 0 ? 0 : COULD_NOT);
  }
  return end(Number(process.exitCode ?? 0));
}

function program(): Command {
  const onceonly = new Command("onceonly")
    .description(
      "Looks after the records of exactly-once mutations, through the application's own idempotency.",
    )
    .configureOutput({ writeOut: (text) => void printOut(text), writeErr: printErr })
    .version(ownVersion(), "--version", "print the version of the package")
    .exitOverride()
    .showHelpAfterError("(--help says what there is)")
    .addHelpText(
      "after",
      "\nThe application is found by onceonly.config.ts, in this folder or above, or by --module.\n" +
        "Exit codes: 0 done; 1 the answer is no; 2 there is no answer.",
    );
  const registrations = [
    registerInit,
    registerCheck,
    registerUpgrade,
    registerList,
    registerShow,
    registerForget,
    registerStats,
    registerPrune,
    registerReencrypt,
    registerConsole,
  ];
  for (const register of registrations) {
    register(onceonly);
  }
  return onceonly;
}

/** A bundle of the command has no package around it. */
function ownVersion(): string {
  try {
    const { version } = createRequire(import.meta.url)("onceonly/package.json") as {
      readonly version: string;
    };
    return version;
  } catch {
    return "unknown";
  }
}

function stackOf(error: Error): string {
  const { cause, stack } = error;
  const own = stack ?? error.message;
  return cause instanceof Error ? `${own}\n[cause] ${stackOf(cause)}` : own;
}
