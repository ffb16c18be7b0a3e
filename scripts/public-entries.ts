import { readFileSync } from "node:fs";

/** One subpath that package.json exports: `./trpc`, built from `src/trpc/index.ts` into `dist/trpc/index.js`. */
export interface PublicEntry {
  readonly subpath: string;
  /** Path below `dist`, without extension. */
  readonly name: string;
  readonly source: string;
}

interface PackageJson {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
}

/** The exports map is the only list of entries; the build and the checks are derived from it. */
export function publicEntries(): PublicEntry[] {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  const { exports } = JSON.parse(text) as PackageJson;
  return Object.entries(exports).flatMap(([subpath, target]) => {
    if (typeof target === "string") return [];
    const name = target.default.replace(/^\.\/dist\//, "").replace(/\.js$/, "");
    return [{ subpath, name, source: `src/${name}.ts` }];
  });
}
