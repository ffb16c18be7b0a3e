import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from "vitest";

// The ways to break the server, and the promises that each must be seen to break. No promise is without one.
const SABOTAGES = {
  forgetful: [
    "50 concurrent duplicates make one order and get 50 equal answers",
    "a replay gets the first answer again, byte for byte, and marked as such",
    "the same key with another input is refused with 422, and executes nothing",
    "each mutation of a batch executes once, whichever batch a retry comes in",
    "a mutation killed half-way leaves no trace, and its retry executes once",
    "a mutation killed between COMMIT and answer is not repeated: its retry gets the answer",
    "what left the stock is what was ordered",
    "there are as many completed records as orders",
  ],
  shared: ["two users with the same key each get their own order"],
  apart: [
    "50 concurrent duplicates make one order and get 50 equal answers",
    "a mutation killed half-way leaves no trace, and its retry executes once",
    "a mutation killed between COMMIT and answer is not repeated: its retry gets the answer",
    "what left the stock is what was ordered",
    "there are as many completed records as orders",
  ],
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "a path with spaces "));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function runDemo(env: Record<string, string>) {
  const demo = spawn(process.execPath, ["--import", "tsx", "examples/demo/main.ts"], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    env: { ...process.env, ...env, TMPDIR: folder, TEMP: folder, TMP: folder },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(demo, "exit");
  const output = await text(demo.stdout);
  const [exitCode] = (await exited) as [number | null];
  onTestFailed(() => console.log(output));

  const [, summary = ""] = output.split("\nPromises\n");
  const promisesThat = (verdict: string) =>
    Array.from(summary.matchAll(new RegExp(`^ +${verdict} +(.+)$`, "gm")), ([, promise]) => promise);
  const leftBehind = readdirSync(folder).filter((name) => name.startsWith("onceonly"));
  return { exitCode, kept: promisesThat("kept"), broken: promisesThat("BROKEN"), leftBehind };
}

describe("the demo", () => {
  it("keeps every promise", async () => {
    const { kept, ...ended } = await runDemo({});

    expect(ended).toEqual({ exitCode: 0, broken: [], leftBehind: [] });
    expect(new Set(kept)).toEqual(new Set(Object.values(SABOTAGES).flat()));
  });

  it.each(Object.entries(SABOTAGES))(
    "fails over a server that is %s, with exactly the promises that it breaks",
    async (sabotage, broken) => {
      const ended = await runDemo({ DEMO_SABOTAGE: sabotage });

      expect(ended).toMatchObject({ exitCode: 1, broken, leftBehind: [] });
    },
  );
});
