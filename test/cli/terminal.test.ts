/** What is asked and shown on a terminal: a pseudo-terminal of \`script\`, which comes with util-linux. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withoutTestRunner } from "../support/packed.ts";
import { openApp, type TestApp } from "./app.ts";

const hasScript = /util-linux/.test(spawnSync("script", ["--version"], { encoding: "utf8" }).stdout ?? "");

const ENTER = "\r";
const CTRL_C = "\u0003";
// oxlint-disable-next-line no-control-regex
const COLORS = /\u001b\[[\d;]*m/;

describe.runIf(hasScript)("onceonly on a terminal", () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await openApp("sqlite");
  });
  afterAll(() => app[Symbol.asyncDispose]());

  function open(args: readonly string[], env: Readonly<Record<string, string>> = {}, columns = 100) {
    const command = `stty cols ${columns} rows 40 && exec ${app.commandLine(...args)}`;
    const child = spawn("script", ["--quiet", "--return", "--command", command, "/dev/null"], {
      cwd: app.folder,
      env: {
        ...withoutTestRunner(),
        DATABASE_URL: app.database.url,
        TERM: "xterm-256color",
        CI: "",
        NO_COLOR: undefined,
        ...env,
      },
    });
    return new Terminal(child);
  }

  const name = ["--operation", "o", "--scope", "s", "--key"];
  const keep = (key: string) => app.idempotency.run({ operation: "o", scope: "s", key }, async () => 1);
  const isThere = async (key: string) =>
    (await app.idempotency.inspect({ operation: "o", scope: "s", key })).state !== "unknown";

  it.each([
    ["y", ["y"], 0, false],
    ["Enter alone", [ENTER], 1, true],
    ["n", ["n"], 1, true],
    ["Ctrl-C", [CTRL_C], 1, true],
  ] as const)("forget asks, and %s is an answer", async (answer, keys, code, stays) => {
    const key = `asked ${answer}`;
    await keep(key);
    const terminal = open(["forget", ...name, key]);
    await terminal.shows("The next request with this key executes again. Forget it?");
    for (const pressed of keys) terminal.press(pressed);
    expect(await terminal.code).toBe(code);
    expect(terminal.text).toContain(stays ? "Nothing was deleted." : `Forgotten: key ${key} of o, scope s.`);
    expect(await isThere(key)).toBe(stays);
  });

  it("forget does not ask about what is not there, nor with --yes", async () => {
    const nothing = open(["forget", ...name, "nobody"]);
    expect(await nothing.code).toBe(1);
    expect(nothing.text).toContain("There is no record of key nobody");
    await keep("sure");
    const sure = open(["forget", ...name, "sure", "--yes"]);
    expect(await sure.code).toBe(0);
    expect(sure.text).not.toContain("?");
  });

  it("forget asks in words, though the terminal does not say how wide it is", async () => {
    await keep("narrow");
    const terminal = open(["forget", ...name, "narrow"], {}, 0);
    await terminal.shows("Forget it?");
    terminal.press("n");
    expect(await terminal.code).toBe(1);
  });

  it("prune shows how far it is, and stops after its batch at Ctrl-C", async () => {
    await app.database.query(
      `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
      INSERT INTO idempotency_record (id, scope, operation, key, fingerprint, status, owner, expires_at)
      SELECT 'x' || n, 's', 'o', 'x' || n, '', 'completed', '', '2020-01-01T00:00:00.000+00:00' FROM numbers`,
    );
    const terminal = open(["prune", "--batch-size", "1"]);
    await terminal.shows("expired records deleted");
    terminal.press(CTRL_C);
    expect(await terminal.code).toBe(1);
    const [, deleted] =
      /Stopped: ([\d,]+) expired records deleted, and there may be more\./.exec(terminal.text) ?? [];
    const [{ n } = {}] = await app.database.query(
      "SELECT count(*) AS n FROM idempotency_record WHERE key LIKE 'x%'",
    );
    expect(Number(n)).toBe(20_000 - Number(deleted?.replace(",", "")));

    const rest = open(["prune"]);
    expect(await rest.code).toBe(0);
    expect(rest.text).toContain("━");
    expect(rest.text).toContain("expired records deleted.");
  });

  it("has colours, unless NO_COLOR is set", async () => {
    await keep("coloured");
    const run = async (args: string[], env = {}) => {
      const terminal = open(args, env);
      if (args.includes("forget")) {
        await terminal.shows("Forget it?");
        terminal.press("n");
      }
      await terminal.code;
      return terminal.text;
    };
    for (const args of [
      ["show", ...name, "coloured"],
      ["forget", ...name, "coloured"],
    ]) {
      expect(await run(args)).toMatch(COLORS);
      expect(await run(args, { NO_COLOR: "1" })).not.toMatch(COLORS);
    }
    expect((await app.onceonly("list")).stdout).not.toMatch(COLORS);
  });
});

class Terminal {
  readonly code: Promise<number | null>;
  readonly #child: ChildProcessWithoutNullStreams;
  #text = "";

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    child.stdout.on("data", (printed: Buffer) => {
      this.#text += String(printed);
    });
    this.code = new Promise((resolve) => child.once("close", resolve));
  }

  get text(): string {
    return this.#text;
  }

  press(keys: string): void {
    this.#child.stdin.write(keys);
  }

  /** Waits for a text, whose words may be broken over lines. Fails where the process ends without it. */
  async shows(text: string): Promise<void> {
    const words = new RegExp(text.replaceAll(/[.?]/g, "\\$&").replaceAll(" ", "[^a-zA-Z]*"));
    const hasEnded = this.code.then(() =>
      Promise.reject(new Error(`ended without "${text}": ${this.#text}`)),
    );
    hasEnded.catch(() => {});
    while (!words.test(stripVTControlCharacters(this.#text))) {
      await Promise.race([new Promise((resolve) => this.#child.stdout.once("data", resolve)), hasEnded]);
    }
  }
}
