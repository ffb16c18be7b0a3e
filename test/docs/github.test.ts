import { existsSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { links, read, root } from "./markdown.ts";

interface Package {
  readonly scripts: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

interface Job {
  readonly steps: readonly { readonly uses?: string; readonly run?: string }[];
}

interface Workflow {
  readonly on: unknown;
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

interface Form {
  readonly name: string;
  readonly description: string;
  readonly body: readonly {
    readonly type: string;
    readonly id?: string;
    readonly attributes: { readonly label?: string; readonly options?: readonly string[] };
  }[];
}

interface Dependabot {
  readonly updates: readonly {
    readonly "package-ecosystem": string;
    readonly directory?: string;
    readonly directories?: readonly string[];
    readonly groups?: Readonly<Record<string, { readonly patterns: readonly string[] }>>;
  }[];
}

const manifest = JSON.parse(read("package.json")) as Package;
const yaml = (path: string): unknown => parse(read(`.github/${path}`), { strict: true });
const files = (folder: string) => readdirSync(`${root}.github/${folder}`).map((name) => `${folder}/${name}`);

describe.each(files("workflows"))("%s", (path) => {
  const { on, permissions, jobs } = yaml(path) as Workflow;
  const steps = Object.values(jobs).flatMap((job) => job.steps);

  it("says when it runs, and may only read unless a job says otherwise", () => {
    expect(on).toBeTruthy();
    expect(permissions).toEqual({ contents: "read" });
  });

  it("runs only scripts and files that exist", () => {
    expect(steps.flatMap(({ run = "" }) => unknownIn(run))).toEqual([]);
  });

  it("uses actions by their major version", () => {
    const uses = steps.flatMap((step) => step.uses ?? []);
    expect(uses).not.toEqual([]);
    expect(uses.filter((action) => !/^[\w-]+\/[\w-]+@v\d+$/.test(action))).toEqual([]);
  });
});

it("an unknown command is seen", () => {
  expect(
    unknownIn("npm ci\nnpm test\nnpm run no-such && bash .ci/none -x\nnode scripts/gone.ts\nbash .ci/run"),
  ).toEqual(["npm run no-such", ".ci/none", "scripts/gone.ts"]);
});

it("the pull-request template names only commands and links that exist", () => {
  const text = read(".github/pull_request_template.md");
  const commands = Array.from(text.matchAll(/`(npm [^`]+)`/g), ({ 1: command = "" }) => command);
  expect(commands.length).toBeGreaterThan(3);
  expect(commands.flatMap(unknownIn)).toEqual([]);
  expect(links(text).filter((target) => !target.startsWith("https://"))).toEqual([]);
});

describe.each(files("ISSUE_TEMPLATE").filter((path) => !path.endsWith("/config.yml")))("%s", (path) => {
  const form = yaml(path) as Form;

  it("is a form: each field has a label and an id of its own", () => {
    expect([form.name, form.description].every(Boolean)).toBe(true);
    const fields = form.body.filter(({ type }) => type !== "markdown");
    expect(fields.every(({ attributes }) => attributes.label !== undefined)).toBe(true);
    expect(new Set(fields.map(({ id }) => id)).size).toBe(fields.length);
  });

  it("asks for entries and adapters that exist", () => {
    const options = form.body.flatMap(({ attributes }) => attributes.options ?? []);
    const entries = options.filter((option) => option.startsWith("onceonly"));
    expect(entries.filter((entry) => !(entry.replace("onceonly", ".") in manifest.exports))).toEqual([]);
    const adapters = options.filter((option) => option.startsWith("@"));
    expect(adapters.filter((adapter) => !(adapter in manifest.devDependencies))).toEqual([]);
  });
});

it("dependabot looks into folders that have a package, and groups packages that are there", () => {
  const { updates } = yaml("dependabot.yml") as Dependabot;
  const names = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
  for (const { "package-ecosystem": ecosystem, directory, directories = [directory ?? ""] } of updates) {
    const inside = ecosystem === "npm" ? "package.json" : ".github/workflows";
    expect(directories.filter((path) => !existsSync(`${root}${path.slice(1)}/${inside}`))).toEqual([]);
  }
  const patterns = updates
    .filter(({ directory }) => directory === "/")
    .flatMap(({ groups = {} }) => Object.values(groups).flatMap((group) => group.patterns));
  expect(patterns).toContain("@prisma/*");
  expect(patterns.filter((pattern) => !names.some((name) => matches(name, pattern)))).toEqual([]);
});

function matches(name: string, pattern: string): boolean {
  const [start = "", end] = pattern.split("*");
  return end === undefined ? name === pattern : name.startsWith(start) && name.endsWith(end);
}

/** What a shell script calls and this repository does not have. */
function unknownIn(script: string): string[] {
  const scripts = Array.from(
    script.matchAll(/\bnpm (?:run ([\w:-]+)|(test))/g),
    ({ 0: command, 1: name, 2: test }) => ((name ?? test ?? "") in manifest.scripts ? [] : [command]),
  ).flat();
  const paths = Array.from(
    script.matchAll(/\b(?:bash|node) ([\w./-]*\/[\w./-]+)/g),
    ({ 1: path = "" }) => path,
  );
  return [...scripts, ...paths.filter((path) => !existsSync(root + path))];
}
