import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "onceonly-programs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a program prints. Fails if it does. */
async function run(program: string): Promise<string[]> {
  const { DATABASE_URL: _, ...env } = process.env;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--import", "tsx", `examples/programs/${program}.ts`],
    { cwd: fileURLToPath(new URL("../..", import.meta.url)), env: { ...env, TMPDIR: folder, TEMP: folder } },
  );
  expect(readdirSync(folder).filter((name) => name.startsWith("onceonly"))).toEqual([]);
  return stdout.trimEnd().split("\n");
}

describe("the example programs", () => {
  it("a transfer that is sent three times moves the money once", async () => {
    expect(await run("transfer")).toEqual([
      "sent 1: moved 30",
      "sent 2: moved 30 (replayed)",
      "sent 3: moved 30 (replayed)",
      "too much, sent 1: InsufficientFunds",
      "too much, sent 2: InsufficientFunds",
      "ada has 70",
      "bob has 30",
    ]);
  });

  it("a ride that is booked twice is one ride", async () => {
    expect(await run("ride")).toEqual([
      "both clicks show the same ride: true",
      "executed: 1",
      "another ride under the same key: KEY_REUSED",
      "ada: Station - Harbour",
      "bob: Station - Harbour",
    ]);
  });

  it("a payment is made once, whatever its clients send", async () => {
    expect(await run("payment")).toEqual([
      "first: 201 ok",
      "retry: 201 ok (replayed)",
      "same key, another amount: 422 KEY_REUSED",
      "no key: 400 KEY_MISSING",
      "too much: 402 the balance is too low",
      "too much, retry: 402 the balance is too low (replayed)",
      "payments: 1",
      "balance: 40",
    ]);
  });

  it("a charge whose answers get lost is made once, and its client gets the answer", async () => {
    expect(await run("charge")).toEqual([
      "attempt 1: no answer",
      "attempt 2: no answer",
      "attempt 3: 201",
      "the answer is a replay: true",
      "charges in the database: 1",
    ]);
  });

  it("a message that is delivered twice is consumed once, and the bad ones are kept", async () => {
    expect(await run("consumer")).toEqual([
      "m1: consumed",
      "m2: consumed",
      "m1: consumed before",
      "m3: SyntaxError",
      "undefined: poisoned",
      "m3: poisoned",
      "shipped: tea, cake",
      'dead: no_id, {"orderId":"milk"}',
      "dead: attempts, not what it should be",
    ]);
  });
});
