/** Ends a server and removes its folders, once the process that started it is gone. See postgres.ts. */
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const [data, directory] = process.argv.slice(2);
if (data === undefined || directory === undefined) {
  throw new Error("usage: postgres-watchdog <its data> <directory>");
}

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
const file = join(data, "postmaster.pid");
const pid = existsSync(file) ? Number.parseInt(readFileSync(file, "utf8"), 10) : Number.NaN;
if (pid > 0 && signal(pid, "SIGQUIT")) {
  for (let waited = 0; signal(pid, 0) && waited < 5000; waited += 50) await sleep(50);
}
for (const folder of [dirname(data), directory]) {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
