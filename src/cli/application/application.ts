import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { CliConfig } from "../../core/contract/cli-config.ts";
import type { Idempotency } from "../../core/contract/idempotency.ts";
import { CliError } from "../cli-error.ts";
import { sentenceOf } from "../failure.ts";
import { printErr } from "../terminal/stdout.ts";
import { findConfig, shownPath } from "./find-config.ts";
import { type Exports, exportedInstance, isInstance, kindOf, usable } from "./instance.ts";
import { hintFor, loadModule } from "./load.ts";

/** The options by which a command finds the application. */
export interface ApplicationOptions {
  readonly module?: string;
  readonly export?: string;
  readonly config?: string;
  readonly tsconfig?: string;
  /** Not `--env-file`, which Node.js 20 takes for its own wherever it stands. */
  readonly env?: readonly string[];
}

/** An application whose instance is there. */
export interface Application {
  readonly idempotency: Idempotency<unknown>;
  close(): Promise<void>;
}

const CLOSE_MS = 5_000;

/**
 * Finds and loads the application's instance.
 *
 * @throws {@link CliError} when there is none, or its module cannot be loaded.
 */
export async function openApplication(options: ApplicationOptions): Promise<Application> {
  checkTogether(options);
  for (const file of options.env ?? []) {
    loadEnvFile(file);
  }
  const cwd = process.cwd();
  if (options.module !== undefined) {
    const path = resolve(options.module);
    const file = shownPath(path, cwd);
    const exported = await loadModule(path, file, options.tsconfig);
    return { idempotency: exportedInstance(exported, options.export, file), close: async () => {} };
  }
  const path = options.config === undefined ? findConfig(cwd) : resolve(options.config);
  const file = shownPath(path, cwd);
  const config = configOf(await loadModule(path, file, options.tsconfig), file);
  return { idempotency: await configuredInstance(config, file), close: () => closed(config, file) };
}

function checkTogether({ module, config, export: name }: ApplicationOptions): void {
  if (module !== undefined && config !== undefined) {
    throw new CliError("--module and --config name two places for one thing: give one of them.");
  }
  if (name !== undefined && module === undefined) {
    throw new CliError("--export names an export of the module that --module names: give both.");
  }
}

function loadEnvFile(file: string): void {
  try {
    process.loadEnvFile(file);
  } catch (error) {
    throw new CliError(`The file ${file}, which --env names, cannot be read: ${sentenceOf(error)}`, {
      cause: error,
    });
  }
}

function configOf(exported: Exports, file: string): CliConfig {
  const config = exported["default"];
  if (typeof config !== "object" || config === null || !("idempotency" in config) || isInstance(config)) {
    const found = isInstance(config) ? "the instance itself" : kindOf(config);
    throw new CliError(
      `${file} exports ${found} as its default: it must be an object such as { idempotency: () => ... }.`,
    );
  }
  const { close } = config as CliConfig;
  if (close !== undefined && typeof close !== "function") {
    throw new CliError(`close in ${file} is ${kindOf(close)}: it must be a function, or left out.`);
  }
  return config as CliConfig;
}

async function configuredInstance({ idempotency }: CliConfig, file: string): Promise<Idempotency<unknown>> {
  let value: unknown;
  try {
    value = await (typeof idempotency === "function" ? idempotency() : idempotency);
  } catch (error) {
    throw new CliError(`idempotency in ${file} could not be made: ${sentenceOf(error)}${hintFor(error)}`, {
      cause: error,
    });
  }
  if (!isInstance(value)) {
    throw new CliError(
      `idempotency in ${file} gives ${kindOf(value)}: it must be what createIdempotency returned, or a function that gives it.`,
    );
  }
  return usable(value, file);
}

/** The answer stands, whatever becomes of the connections. */
async function closed({ close }: CliConfig, file: string): Promise<void> {
  try {
    const isOver = Symbol("over");
    const ended = await Promise.race([Promise.resolve(close?.()), sleep(CLOSE_MS, isOver)]);
    if (ended === isOver) {
      printErr(`onceonly: close in ${file} did not end within ${CLOSE_MS / 1_000} seconds.\n`);
    }
  } catch (error) {
    printErr(`onceonly: close in ${file} failed: ${sentenceOf(error)}\n`);
  }
}
