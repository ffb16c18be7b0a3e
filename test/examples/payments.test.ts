import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, onTestFailed, onTestFinished, test } from "vitest";

test("the payments example ends with as many orders as charges, and leaves nothing behind", async () => {
  const folder = mkdtempSync(join(tmpdir(), "a path with spaces "));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const example = spawn(process.execPath, ["--import", "tsx", "examples/payments/main.ts"], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    env: { ...process.env, TMPDIR: folder, TEMP: folder, TMP: folder },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(example, "exit");
  const output = await text(example.stdout);
  onTestFailed(() => console.log(output));
  expect(await exited).toEqual([0, null]);
  expect(output).toContain("10 orders, 10 charges, 10 shipments");
  expect(output).toContain("no answer");
  expect(readdirSync(folder).filter((name) => name.startsWith("onceonly"))).toEqual([]);
});
