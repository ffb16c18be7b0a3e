/**
 * The program of a process: core and store as they are in `src`, over the parts in `../program` that stand for a database. Clocks, timers and
 * random values are those of the process that an image is given.
 */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";
import type * as program from "../program/program.ts";
import { SimulatedStorage } from "./context.ts";
import type { SimulatedProcess } from "./process.ts";

export type Program = typeof program;

/** A fault that is put into the code, by a text that takes the place of another. */
export interface Replacement {
  /** The path of the file, from the root. */
  readonly file: string;
  readonly text: string;
  readonly by: string;
}

const root = fileURLToPath(new URL("../../..", import.meta.url));
const require = createRequire(import.meta.url);

/** Builds the program, with replacements. @throws Error for a text that does not stand exactly once in its file. */
export async function buildProgram(replacements: readonly Replacement[] = []): Promise<string> {
  const left = new Set(replacements);
  const plugin: Plugin = {
    name: "replacements",
    setup({ onLoad }) {
      if (replacements.length === 0) return;
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const file = relative(root, path);
        let contents = readFileSync(path, "utf8");
        for (const replacement of replacements.filter((each) => each.file === file)) {
          const parts = contents.split(replacement.text);
          if (parts.length !== 2) {
            throw new Error(`${file} has ${parts.length - 1} times, and not once: ${replacement.text}`);
          }
          contents = parts.join(replacement.by);
          left.delete(replacement);
        }
        return { contents, loader: "ts" };
      });
    },
  };
  const built = await build({
    entryPoints: [fileURLToPath(new URL("../program/program.ts", import.meta.url))],
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    target: "node20",
    logLevel: "silent",
    plugins: [plugin],
  });
  const [unused] = left;
  if (unused !== undefined) throw new Error(`The program has no file ${unused.file}`);
  return (built.outputFiles[0] as { text: string }).text;
}

/** One copy of the program's modules. It serves one process at a time: loading them takes longer than most schedules. */
export class Image {
  readonly program: Program;
  #process: SimulatedProcess | undefined;

  constructor(code: string) {
    const ours = () => {
      if (this.#process === undefined) throw new Error("the image has no process");
      return this.#process;
    };
    const globals = globalsOf(ours);
    const module = { exports: {} };
    // oxlint-disable-next-line typescript/no-implied-eval -- each image has clocks and timers of its own in place of globals
    const load = new Function("module", "exports", "require", ...Object.keys(globals), code);
    load(module, module.exports, requireOf(ours), ...Object.values(globals));
    this.program = module.exports as Program;
  }

  /** From now on it is the program of `process`. The one before must be dead. */
  runs(process: SimulatedProcess): void {
    this.#process = process;
  }
}

function globalsOf(ours: () => SimulatedProcess): Readonly<Record<string, unknown>> {
  class SimulatedDate extends Date {
    constructor(...args: [] | [number | string | Date]) {
      super(...((args.length === 0 ? [ours().wallNow()] : args) as [number]));
    }
    static override now(): number {
      return ours().wallNow();
    }
  }
  const math = Object.create(Math, { random: { value: () => ours().choices.next() } }) as Math;
  return {
    ...timersOf(ours),
    performance: { now: () => ours().now() },
    Date: SimulatedDate,
    Math: math,
    // The package keeps its scopes there, for all copies of its modules.
    globalThis: Object.create(globalThis),
    // Warnings are for operators.
    process: { env: { NODE_ENV: "production" }, emitWarning: () => {} },
  };
}

function timersOf(ours: () => SimulatedProcess) {
  return {
    setTimeout: (...args: Parameters<SimulatedProcess["setTimeout"]>) => ours().setTimeout(...args),
    clearTimeout: (...args: Parameters<SimulatedProcess["clearTimeout"]>) => ours().clearTimeout(...args),
    setImmediate: (...args: Parameters<SimulatedProcess["setImmediate"]>) => ours().setImmediate(...args),
  };
}

/** @throws Error for a module of Node that could bring in what no seed repeats. */
function requireOf(ours: () => SimulatedProcess): (name: string) => unknown {
  const modules: Readonly<Record<string, unknown>> = {
    timers: timersOf(ours),
    "timers/promises": {
      setTimeout: (...args: Parameters<SimulatedProcess["sleep"]>) => ours().sleep(...args),
      setImmediate: (value: unknown) =>
        new Promise((resolve) => {
          ours().setImmediate(() => resolve(value));
        }),
    },
    // The name of a savepoint is made once for each copy of the modules.
    crypto: { createHash, randomUUID: () => ours().uuid(), randomBytes: () => Buffer.from("simulated") },
    async_hooks: { AsyncLocalStorage: SimulatedStorage },
    diagnostics_channel: require("node:diagnostics_channel"),
    events: require("node:events"),
    util: require("node:util"),
  };
  return (name) => {
    const known = modules[name.replace(/^node:/, "")];
    if (known === undefined) throw new Error(`The simulator has no ${name}`);
    return known;
  };
}
