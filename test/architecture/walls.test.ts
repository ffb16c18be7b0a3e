import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { cruise, type ICruiseResult } from "dependency-cruiser";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import config, { walls } from "../../.dependency-cruiser.mjs";

const folders = Object.keys(walls);
let root: string;

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "onceonly-walls-")));
});
afterEach(() => rmSync(root, { recursive: true }));

/** Writes `from` so that it imports `to`, both paths below `src`. */
function write(from: string, to: readonly string[]): void {
  const file = join(root, "src", from);
  mkdirSync(dirname(file), { recursive: true });
  const imports = to.map((target) => {
    const path = relative(dirname(file), join(root, "src", target));
    return `import type { A } from "${path.startsWith(".") ? path : `./${path}`}";\n`;
  });
  writeFileSync(file, `${imports.join("")}export type A = 1;\n`);
}

/** The violations in the files written, as `folder -> folder: rule`. */
async function violations(): Promise<string[]> {
  const { output } = await cruise(["src"], {
    baseDir: root,
    validate: true,
    ruleSet: { forbidden: config.forbidden },
    tsPreCompilationDeps: true,
  });
  return (output as ICruiseResult).summary.violations.map(
    ({ from, to, rule }) => `${dirname(from).slice(4)} -> ${dirname(to).slice(4)}: ${rule.name}`,
  );
}

describe("the walls between the folders of src", () => {
  it("report each import that passes one, with both folders", async () => {
    for (const folder of folders) {
      write(`${folder}/target.ts`, []);
      for (const [n, other] of folders.entries()) write(`${folder}/probe${n}.ts`, [`${other}/target.ts`]);
    }
    const found = await violations();
    const passing = folders.flatMap((from) =>
      folders
        .filter((to) => to !== from && !walls[from]?.includes(to))
        .map((to) => `${from} -> ${to}: src/${from} may import only itself`),
    );
    expect(passing.length).toBeGreaterThan(200);
    expect(new Set(found.map((violation) => violation.split(",")[0]))).toEqual(new Set(passing));
    expect(found).toHaveLength(passing.length);
  });

  it("leave the adapters out of the main entry", async () => {
    write("http/index.ts", []);
    write("core/create.ts", []);
    write("index.ts", ["http/index.ts", "core/create.ts"]);
    expect(await violations()).toEqual([" -> http: the files of src join core, sql and prisma"]);
  });

  it("know every folder", async () => {
    write("grpc/index.ts", ["core/create.ts"]);
    write("core/create.ts", []);
    expect(await violations()).toEqual(["grpc -> core: every folder of src has a wall"]);
  });

  it("let no circle pass, not even of types", async () => {
    write("sql/a.ts", ["sql/b.ts"]);
    write("sql/b.ts", ["sql/a.ts"]);
    expect(await violations()).toEqual(["sql -> sql: no circles"]);
  });
});
