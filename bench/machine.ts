import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, cpus, totalmem, type } from "node:os";

/** What it was measured on: nothing that names the machine. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
}

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${arch()}`,
    node: process.version,
  };
}

/** Of the packages that take part. */
export function packageVersions(): Record<string, string> {
  const file = new URL("package.json", import.meta.url);
  const { dependencies } = JSON.parse(readFileSync(file, "utf8")) as { dependencies: Record<string, string> };
  const names = Object.keys(dependencies).filter((name) => name !== "onceonly");
  const require = createRequire(import.meta.url);
  const { version } = require("onceonly/package.json") as { version: string };
  return { onceonly: version, ...Object.fromEntries(names.map((name) => [name, dependencies[name] ?? ""])) };
}
