/** The example of monitoring as a user starts it, reads its metrics, and ends it with Ctrl-C. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";

import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { find, type Series, seriesOf } from "../ops/promql.ts";
import { freePort } from "../support/free-port.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

function start(port: number) {
  const folder = mkdtempSync(join(tmpdir(), "a path with spaces "));
  const { DATABASE_URL: _, ...env } = process.env;
  const example = spawn(process.execPath, ["--import", "tsx", "examples/monitoring/main.ts"], {
    cwd: root,
    env: { ...env, METRICS_PORT: String(port), TMPDIR: folder, TEMP: folder, TMP: folder },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(example, "exit");
  onTestFinished(() => {
    example.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  return { example, exited, folder, output: text(example.stdout), errors: text(example.stderr) };
}

test("serves metrics of its traffic, says where, and ends on Ctrl-C without a trace", async () => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/metrics`;
  const { example, exited, folder, output } = start(port);
  const served = async (): Promise<Series[]> => {
    const response = await fetch(url).catch(() => undefined);
    return response === undefined ? [] : seriesOf(await response.text());
  };
  const outcomes = async () =>
    (await served()).map(({ __name__, onceonly_operation: operation = "", onceonly_outcome: outcome = "" }) =>
      [__name__, operation, outcome].filter((part) => part !== "").join(" "),
    );
  const wanted = [
    ...["executed", "replayed", "refused", "stored"].map(
      (outcome) => `onceonly_call_duration_count POST /charges ${outcome}`,
    ),
    ...["executed", "released"].map((outcome) => `onceonly_call_duration_count payouts.make ${outcome}`),
    "onceonly_takeovers_total payouts.make",
    "onceonly_records_in_progress",
    "onceonly_records_abandoned",
    "onceonly_records_pruned_total",
  ];
  await expect.poll(outcomes).toEqual(expect.arrayContaining(wanted));
  expect(find(await served(), [{ label: "onceonly_key", operator: "!=", value: "" }])).toEqual([]);

  example.kill("SIGINT");
  expect(await exited).toEqual([0, null]);
  expect(await output).toContain(url);
  expect(readdirSync(folder).filter((file) => file.startsWith("onceonly"))).toEqual([]);
});

test("says what to do where its port is taken", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const { exited, errors, output } = start(port);
  expect(await exited).toEqual([1, null]);
  expect(await errors).toBe(
    `Port ${port} cannot be used (EADDRINUSE); give another one: METRICS_PORT=9465 npm run example:monitoring\n`,
  );
  expect(await output).toBe("");
  other.close();
});

test("has a Prometheus read the port that it serves, with the rules that the package ships", () => {
  const file = `${root}examples/monitoring/prometheus.yml`;
  const config = parse(readFileSync(file, "utf8")) as {
    rule_files: string[];
    scrape_configs: { static_configs: { targets: string[] }[] }[];
  };
  expect(config.scrape_configs[0]?.static_configs[0]?.targets).toEqual(["127.0.0.1:9464"]);
  const [rules = ""] = config.rule_files;
  expect(readFileSync(join(root, "examples/monitoring", rules), "utf8")).toContain("OnceonlyNobodyPrunes");
});
