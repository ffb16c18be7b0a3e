/** Prometheus and its tool, of the system: none is downloaded. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePort } from "../support/free-port.ts";

const isInstalled = (name: string) =>
  (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, name)));

/** The test files that a run has to leave out for want of them. In CI they must be there. */
export function prometheusTestsLeftOut(): string[] {
  if (["prometheus", "promtool"].every(isInstalled)) return [];
  const message = "LEFT OUT: tests with Prometheus. To run them: apt-get install prometheus.";
  if (process.env["CI"]) throw new Error(message);
  process.stderr.write(`${message}\n`);
  return ["test/ops/prometheus.test.ts"];
}

const rulesFolder = fileURLToPath(new URL("../../ops/prometheus", import.meta.url));

/** Returns what it prints. @throws if it fails. */
export async function promtool(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)("promtool", args, { cwd: rulesFolder });
  return stdout;
}

export interface Prometheus extends AsyncDisposable {
  /** What a path of its API answers. */
  get<T>(path: string, parameters?: Readonly<Record<string, string>>): Promise<T>;
}

/** One with our rules, that asks `target` for metrics once a second. */
export async function startPrometheus(target: string): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), "onceonly-prometheus-"));
  const config = {
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
    rule_files: [join(rulesFolder, "onceonly.rules.yml")],
    scrape_configs: [{ job_name: "shop", static_configs: [{ targets: [target] }] }],
  };
  // JSON is YAML.
  writeFileSync(join(folder, "prometheus.yml"), JSON.stringify(config));
  const url = `127.0.0.1:${await freePort()}`;
  const args = [
    `--config.file=${join(folder, "prometheus.yml")}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=${url}`,
    "--log.level=warn",
  ];
  const server = spawn("prometheus", args, { stdio: ["ignore", "ignore", "inherit"] });
  await ready(`http://${url}/-/ready`, server);
  return {
    async get<T>(path: string, parameters: Readonly<Record<string, string>> = {}) {
      const response = await fetch(`http://${url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
      const { status, data, error } = (await response.json()) as { status: string; data: T; error?: string };
      if (status !== "success") throw new Error(`${error}: ${JSON.stringify(parameters)}`);
      return data;
    },
    async [Symbol.asyncDispose]() {
      if (server.exitCode === null && server.signalCode === null) {
        server.kill("SIGKILL");
        await once(server, "exit");
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function ready(url: string, { pid }: ChildProcess): Promise<void> {
  for (let waited = 0; waited < 60_000; waited += 100) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok === true) return;
    await sleep(100);
  }
  throw new Error(`Prometheus (process ${pid}) is not ready`);
}
