/**
 * Scripts of child processes, each bundled with its packages: a process that finds, reads and compiles some hundred modules
 * one by one needs up to half as much CPU time again. Stacks name lines of the bundle.
 */
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { buildSync } from "esbuild";

const bundles = new Map<string, URL>();

/** What a child process is to run for `script`. */
export function bundleOf(script: URL): URL {
  // In a bundle all is resolved already, and so with the wrong Prisma; see test/compat/prisma-6/setup.ts.
  return process.env["PRISMA_FROM"] === undefined ? bundled(script) : script;
}

/** The bundle of `script`, made at the first call. Keeps the search part of the URL. */
export function bundled(script: URL): URL {
  const path = fileURLToPath(script);
  const bundle = bundles.get(path) ?? makeBundle(path);
  bundles.set(path, bundle);
  return new URL(script.search, bundle);
}

function makeBundle(path: string): URL {
  // Under the node_modules in which what stays outside of it is found. Old ones stay; they may be deleted.
  const outdir = join(nearestModules(path), ".cache", "test-bundles");
  mkdirSync(outdir, { recursive: true });
  const { outputFiles, metafile } = buildSync({
    entryPoints: [path],
    outdir,
    entryNames: "[name]-[hash]",
    outExtension: { ".js": ".mjs" },
    bundle: true,
    // What is imported when it is wanted is a file of its own, with the packages that only it needs.
    splitting: true,
    write: false,
    metafile: true,
    absWorkingDir: outdir,
    platform: "node",
    target: "node20",
    format: "esm",
    banner: { js: REQUIRE },
    external: EXTERNAL,
    // Modules that are imported for what they do are not to be left out.
    ignoreAnnotations: true,
    logLevel: "warning",
  });
  for (const { path: file, contents } of outputFiles) {
    if (existsSync(file)) continue;
    // Other test files may be making the same.
    const unfinished = `${file}.${process.pid}`;
    writeFileSync(unfinished, contents);
    renameSync(unfinished, file);
  }
  const entry = Object.entries(metafile.outputs).find(
    ([, { entryPoint }]) => entryPoint !== undefined && resolve(outdir, entryPoint) === path,
  );
  if (entry === undefined) throw new Error(`esbuild made nothing of ${path}`);
  return pathToFileURL(resolve(outdir, entry[0]));
}

/** What packages that are CommonJS call for Node's own modules. */
const REQUIRE =
  'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);';

const EXTERNAL = [
  // They find a binary, or a part of their own, beside themselves.
  "libsql",
  "esbuild",
  "jiti",
  // Not installed, though `pg` and DBOS, which a benchmark measures, look for them.
  "pg-native",
  "@dbos-inc/dbos-sdk",
  // 4 MB each, which every bundle would be given a copy of.
  "*.wasm-base64.mjs",
  // 4 MB, which no child opens.
  "*/generated/postgresql-classic/index.js",
];

function nearestModules(path: string): string {
  const folder = dirname(path);
  if (folder === path) throw new Error("no node_modules above the script");
  const modules = join(folder, "node_modules");
  return existsSync(modules) ? modules : nearestModules(folder);
}
