/** What keeps the command from an answer: one sentence on standard error, nothing on standard output, and code 2. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { onPostgres } from "../support/database.ts";
import { freePort } from "../support/free-port.ts";
import { ended, openApp, type TestApp } from "./app.ts";

interface Case {
  readonly title: string;
  readonly file?: readonly [name: string, content: string];
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly says: RegExp | string;
}

const instance = "../src/server/idempotency.ts";

/** On SQLite. A file is written into a folder "bad". */
const cases: readonly Case[] = [
  {
    title: "an option that is not known",
    args: ["list", "--statte", "failed"],
    says: /unknown option '--statte'\n\(Did you mean --state\?\)/,
  },
  {
    title: "a command that is not known",
    args: ["lst"],
    says: /unknown command 'lst'\n\(Did you mean list\?\)/,
  },
  {
    title: "a length of time that is none",
    args: ["list", "--since", "2x"],
    says: "'--since <when>' argument '2x' is invalid. Give a length of time back from now such as 30m, 2h or 7d",
  },
  {
    title: "a date that does not exist",
    args: ["list", "--since", "2026-13-01"],
    says: "'2026-13-01' is invalid",
  },
  {
    title: "a limit out of bounds",
    args: ["list", "--limit", "1001"],
    says: "'1001' is invalid. Give a whole number from 1 to 1000.",
  },
  {
    title: "a batch size of zero",
    args: ["prune", "--batch-size", "0"],
    says: "Give a whole number from 1 to",
  },
  {
    title: "a state that is none",
    args: ["list", "--state", "done"],
    says: "Allowed choices are in_progress, abandoned, completed, failed.",
  },
  {
    title: "a cursor that is none",
    args: ["list", "--after", "nonsense"],
    says: /^onceonly: option after .*nonsense/,
  },
  {
    title: "half a name",
    args: ["show", "--key", "k"],
    says: "A record has a name of three parts, and --operation and --scope are missing: give --operation, --scope and --key, or --id",
  },
  {
    title: "a name and an id",
    args: ["show", "--key", "k", "--id", "x"],
    says: "--id names a record by itself: leave --operation, --scope and --key out.",
  },
  {
    title: "an id that is none",
    args: ["show", "--id", "-x"],
    says: /^onceonly: option id .*43 characters of base64url/,
  },
  {
    title: "a key that is none",
    args: ["show", "--operation", "o", "--scope", "s", "--key", "ä"],
    says: "printable ASCII",
  },
  {
    title: "an export without a module",
    args: ["list", "--export", "x"],
    says: "--export names an export of the module",
  },
  {
    title: "a module and a config",
    args: ["list", "--module", "a.ts", "--config", "b.ts"],
    says: "--module and --config name two places for one thing: give one of them.",
  },
  {
    title: "a module that is not there",
    args: ["list", "--module", "src/nope.ts"],
    says: "There is no file src/nope.ts.",
  },
  {
    title: "a database that is away, in the words of its driver",
    file: [
      "away.ts",
      `import { PrismaPg } from "@prisma/adapter-pg";
      import { PrismaClient } from "CLIENT/postgresql/client.ts";
      import { createIdempotency } from "ONCEONLY";
      const adapter = new PrismaPg({ connectionString: "postgresql://nobody@127.0.0.1:1/none" });
      export const idempotency = createIdempotency({ prisma: new PrismaClient({ adapter }) });`,
    ],
    args: ["list", "--module", "bad/away.ts"],
    says: "The database did not answer: Can't reach database server at 127.0.0.1:1.",
  },
  {
    title: "variables from a file that is not there",
    args: ["list", "--env", ".env.nope"],
    says: "The file .env.nope, which --env names, cannot be read",
  },
  {
    title: "a module with two instances",
    file: [
      "two.ts",
      `export { idempotency } from "${instance}";\nexport default { run() {}, inspect() {}, prune() {} };`,
    ],
    args: ["list", "--module", "bad/two.ts"],
    says: "bad/two.ts exports two instances, default and idempotency: say which by --export default or --export idempotency.",
  },
  {
    title: "a module whose instance has another name",
    file: ["other.ts", `export { idempotency as once } from "${instance}";`],
    args: ["list", "--module", "bad/other.ts"],
    says: "neither as its default nor as idempotency. It has one as once: name it by --export.",
  },
  {
    title: "an export that is something else",
    file: ["else.ts", "export const x = () => 1;"],
    args: ["list", "--module", "bad/else.ts", "--export", "x"],
    says: "The export x of bad/else.ts is a function, not what createIdempotency returned.",
  },
  {
    title: "an instance of another version",
    file: ["old.ts", "export const idempotency = { run() {}, inspect() {}, prune() {}, check() {} };"],
    args: ["list", "--module", "bad/old.ts"],
    says: "The instance of bad/old.ts has no method countByOperation: it comes from another version of onceonly",
  },
  {
    title: "a config without an instance",
    file: ["none.config.ts", "export default { idempotency: () => undefined };"],
    args: ["list", "--config", "bad/none.config.ts"],
    says: "idempotency in bad/none.config.ts gives undefined: it must be what createIdempotency returned",
  },
  {
    title: "a config that is the instance itself",
    file: ["itself.config.ts", `export { idempotency as default } from "${instance}";`],
    args: ["list", "--config", "bad/itself.config.ts"],
    says: "bad/itself.config.ts exports the instance itself as its default: it must be an object such as",
  },
  {
    title: "a config whose close is no function",
    file: ["close.config.ts", "export default { idempotency: {}, close: 5 };"],
    args: ["list", "--config", "bad/close.config.ts"],
    says: "close in bad/close.config.ts is a number: it must be a function, or left out.",
  },
  {
    title: "a module that throws",
    file: ["throws.ts", 'throw new Error("DATABASE_URL is\\n  missing");'],
    args: ["list", "--module", "bad/throws.ts"],
    says: "onceonly: bad/throws.ts could not be loaded: DATABASE_URL is missing.\n",
  },
  {
    title: "a module that does not compile",
    file: ["syntax.ts", "export const = 5;"],
    args: ["list", "--module", "bad/syntax.ts"],
    says: /^onceonly: bad\/syntax\.ts could not be loaded: .*Unexpected/,
  },
  {
    title: "a module that ends the process",
    file: ["exits.ts", "process.exit(0);"],
    args: ["list", "--module", "bad/exits.ts"],
    says: "onceonly: The application ended the process (code 0) before there was an answer.\n",
  },
  {
    title: "a module that never ends to load",
    file: ["waits.ts", "await new Promise(() => {}); export {};"],
    args: ["list", "--module", "bad/waits.ts"],
    says: "before there was an answer.\n",
  },
  {
    title: "a module of JavaScript that imports TypeScript",
    file: [
      "native.mjs",
      `export default { idempotency: () => import("${instance}").then((m) => m.idempotency) };`,
    ],
    args: ["list", "--config", "bad/native.mjs"],
    says: "What imports TypeScript must be TypeScript itself",
  },
  {
    title: "an error that nobody caught",
    file: [
      "later.ts",
      'export * from "../src/server/idempotency.ts"; setImmediate(() => { throw new Error("later"); });',
    ],
    args: ["list", "--module", "bad/later.ts"],
    says: "onceonly: later.\n",
  },
  {
    title: "a database that is not there",
    args: ["stats"],
    env: { DATABASE_URL: "file:/nowhere/at/all.db" },
    says: /^onceonly: The database .*\n$/m,
  },
];

describe("onceonly, in an application on SQLite, ends with one sentence and code 2 for", () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await openApp("sqlite");
    for (const { file: [name, content] = [] } of cases) {
      if (name !== undefined && content !== undefined) app.write(`bad/${name}`, content);
    }
  });
  afterAll(() => app[Symbol.asyncDispose]());

  it.concurrent.each(cases)("$title", async ({ args, says, env = {} }) => {
    const { code, stdout, stderr } = await ended(app.start([...args, "--json"], { env }));
    const said = stderr.replace("the application says hello\n", "");
    expect(said).toMatch(says);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    if (said.startsWith("onceonly")) expect(said.trimEnd().split("\n")).toHaveLength(1);
  });

  it("no config, one below that counts, and two", async () => {
    const run = (below: string, ...args: string[]) =>
      ended(app.start(["stats", ...args], { folder: join(app.folder, below) }));
    app.write("packages/a/package.json", "{}");
    mkdirSync(join(app.folder, "packages/a/src"));
    expect((await run("packages/a/src")).stderr).toMatch(
      /^onceonly: There is no onceonly\.config\.ts in .*packages\/a\/src, nor above up to .*packages\/a: make one/,
    );
    expect((await run("src/server")).code).toBe(0);
    app.write("packages/a/onceonly.config.ts", "export default {};");
    app.write("packages/a/onceonly.config.mjs", "export default {};");
    const { code, stderr } = await run("packages/a");
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(
        /^onceonly: There are two configs in .*: delete one, or name the one that counts/,
      ),
    ]);
  });

  it("shows the stack with --debug alone", async () => {
    const args = ["list", "--module", "bad/throws.ts"];
    expect((await app.onceonly(...args)).stderr).not.toContain("    at ");
    expect((await app.onceonly(...args, "--debug")).stderr).toMatch(
      /\[cause\] Error: DATABASE_URL is[^]*\n {4}at /,
    );
  });

  it("a close that fails, after the answer, which stands", async () => {
    app.write(
      "bad/failing.config.ts",
      `import { idempotency } from "${instance}";
      export default { idempotency, close: () => { throw new Error("no close"); } };`,
    );
    const { code, stdout, stderr } = await app.onceonly("stats", "--config", "bad/failing.config.ts");
    expect(code).toBe(0);
    expect(stdout).toContain("the database's clock");
    expect(stderr).toContain("onceonly: close in bad/failing.config.ts failed: no close.\n");
  });

  it("a close that does not end, after the answer", async () => {
    app.write(
      "bad/hanging.config.ts",
      `import { idempotency } from "${instance}";
      export default { idempotency, close: () => new Promise(() => {}) };`,
    );
    const { code, stdout, stderr } = await app.onceonly("stats", "--config", "bad/hanging.config.ts");
    expect(code).toBe(0);
    expect(stdout).toContain("the database's clock");
    expect(stderr).toContain("onceonly: close in bad/hanging.config.ts did not end within 5 seconds.\n");
  });

  it("takes variables from a file, and a module by the name of its export", async () => {
    app.write(".env.test", `DATABASE_URL=${app.database.url}`);
    const args = [
      "stats",
      "--module",
      "src/server/idempotency.ts",
      "--export",
      "idempotency",
      "--env",
      ".env.test",
    ];
    const child = app.start(args, { env: { DATABASE_URL: undefined } });
    expect(await ended(child)).toMatchObject({ code: 0 });
  });
});

describe.runIf(onPostgres)("onceonly, in an application on PostgreSQL", () => {
  it("says that the database does not answer, in the words of the database", async () => {
    await using app = await openApp("postgresql");
    const env = { DATABASE_URL: `postgresql://nobody@127.0.0.1:${await freePort()}/none` };
    for (const command of ["stats", "check", "list"]) {
      expect(await ended(app.start([command], { env }))).toEqual({
        code: 2,
        stdout: "",
        stderr: expect.stringMatching(
          /^onceonly: The database did not answer: Can't reach database server at [\d.:]+\.\n$/,
        ),
      });
    }
  });
});
