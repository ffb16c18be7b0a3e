import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { onTestFailed, onTestFinished } from "vitest";

interface Ended {
  exitCode: unknown;
  output: string;
  /** Files of ours that it has not removed. */
  left: string[];
}

export const runExample = (name: string): Promise<Ended> => runProgram(`examples/${name}/main.ts`);

/** Runs a program in a folder for temporary files whose name is not of the plainest. `path` is from the root. */
export async function runProgram(path: string): Promise<Ended> {
  const folder = mkdtempSync(join(tmpdir(), "a path with spaces "));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const { DATABASE_URL: _, ...env } = process.env;
  const example = spawn(process.execPath, ["--import", "tsx", path], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    env: { ...env, TMPDIR: folder, TEMP: folder, TMP: folder },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(example, "exit");
  const output = await text(example.stdout);
  onTestFailed(() => console.log(output));
  const [exitCode] = (await exited) as [unknown];
  return { exitCode, output, left: readdirSync(folder).filter((file) => file.startsWith("onceonly")) };
}
