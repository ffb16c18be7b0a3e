/** Ends the server in a directory and removes that, once the process that started it is gone. See postgres.ts. */
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error("usage: postgres-watchdog <directory>");

process.stdin.resume();
await once(process.stdin, "end");

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

// The server keeps its process id in this file while it runs.
const file = join(directory, "data", "postmaster.pid");
const pid = existsSync(file) ? Number.parseInt(readFileSync(file, "utf8"), 10) : Number.NaN;
if (pid > 0 && signal(pid, "SIGQUIT")) {
  for (let waited = 0; signal(pid, 0) && waited < 5000; waited += 50) await sleep(50);
}
rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
