/**
 * Scripts of child processes, each bundled into one file: a process that loads its modules one by one through tsx starts
 * more slowly, under load in 4.0 s where this takes 2.4. Stacks name lines of the bundle.
 */
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { buildSync } from "esbuild";

const bundles = new Map<string, URL>();

/** The bundle of `script`, made at the first call. Packages stay outside of it. Keeps the search part of the URL. */
export function bundleOf(script: URL): URL {
  const path = fileURLToPath(script);
  const bundle = bundles.get(path) ?? makeBundle(path);
  bundles.set(path, bundle);
  return new URL(script.search, bundle);
}

function makeBundle(path: string): URL {
  const {
    outputFiles: [bundle],
  } = buildSync({
    entryPoints: [path],
    // Under the node_modules that the script's packages are found in. Old ones stay; they may be deleted.
    outdir: join(nearestModules(path), ".cache", "test-bundles"),
    entryNames: "[name]-[hash]",
    outExtension: { ".js": ".mjs" },
    bundle: true,
    write: false,
    platform: "node",
    target: "node20",
    format: "esm",
    packages: "external",
    // 4 MB, which no child opens.
    external: ["*/generated/postgresql-classic/index.js"],
    // Modules that are imported for what they do are not to be left out.
    ignoreAnnotations: true,
    logLevel: "warning",
  });
  if (bundle === undefined) throw new Error(`esbuild made nothing of ${path}`);
  if (!existsSync(bundle.path)) {
    mkdirSync(dirname(bundle.path), { recursive: true });
    // Other test files may be making the same.
    const unfinished = `${bundle.path}.${process.pid}`;
    writeFileSync(unfinished, bundle.contents);
    renameSync(unfinished, bundle.path);
  }
  return pathToFileURL(bundle.path);
}

function nearestModules(path: string): string {
  const folder = dirname(path);
  if (folder === path) throw new Error("no node_modules above the script");
  const modules = join(folder, "node_modules");
  return existsSync(modules) ? modules : nearestModules(folder);
}
