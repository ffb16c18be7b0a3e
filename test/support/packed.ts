/** Applications with a package.json and a lock file of their own, installed with onceonly as npm would publish it. */
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../", import.meta.url));

type Env = Readonly<Record<string, string>>;

export interface InstalledApp extends Disposable {
  readonly folder: string;
  /** Runs a command in the folder, and gives what was printed. Fails if that does. */
  execute(command: string, args: readonly string[], env?: Env): Promise<string>;
  /** Runs a script of an installed package with Node, such as `next/dist/bin/next`. */
  run(script: string, args: readonly string[], env?: Env): Promise<string>;
}

/** Prisma's executables would be downloaded, and are not started here. */
export const WITHOUT_NETWORK = {
  CHECKPOINT_DISABLE: "1",
  PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
  PRISMA_QUERY_ENGINE_LIBRARY: process.execPath,
};

/** Copies folders over each other to a place outside of the repository, and installs their packages there. */
export async function install(...folders: readonly string[]): Promise<InstalledApp> {
  const folder = mkdtempSync(join(tmpdir(), "onceonly-app-"));
  for (const source of folders) cpSync(join(root, source), folder, { recursive: true });
  await pack(join(folder, "onceonly.tgz"));
  // Without install scripts: they would download what npm does not have.
  await output("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder);
  const execute: InstalledApp["execute"] = (command, args, env) => output(command, args, folder, env);
  return {
    folder,
    execute,
    run: (script, args, env) =>
      execute(process.execPath, [join(folder, "node_modules", script), ...args], env),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** Builds beside the repository's own `dist`, which another test file may be reading. */
async function pack(target: string): Promise<void> {
  const stage = mkdtempSync(join(tmpdir(), "onceonly-packed-"));
  try {
    for (const part of ["package.json", "README.md", "prisma"])
      cpSync(join(root, part), join(stage, part), { recursive: true });
    const tsdown = join(root, "node_modules/tsdown/dist/run.mjs");
    await output(
      process.execPath,
      [tsdown, "--out-dir", join(stage, "dist"), "--no-publint", "--no-attw"],
      root,
    );
    await output("npm", ["pack", "--ignore-scripts"], stage);
    const [packed] = readdirSync(stage).filter((name) => name.endsWith(".tgz"));
    renameSync(join(stage, packed ?? ""), target);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

async function output(
  command: string,
  args: readonly string[],
  folder: string,
  env: Env = {},
): Promise<string> {
  const run = promisify(execFile)(command, args, {
    cwd: folder,
    env: { ...withoutTestRunner(), ...env },
    maxBuffer: 2 ** 26,
  });
  const { stdout } = await run.catch((error: { stdout?: string; stderr?: string }) => {
    throw new Error(`${command} ${args.join(" ")} failed\n${error.stdout ?? ""}${error.stderr ?? ""}`);
  });
  return stdout;
}

/** An application is not to see that it is tested. */
export function withoutTestRunner(): NodeJS.ProcessEnv {
  const { NODE_ENV: _, ...env } = process.env;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("VITE")));
}
