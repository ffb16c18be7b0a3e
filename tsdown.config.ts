import { defineConfig } from "tsdown";
import { publicEntries } from "./scripts/public-entries.ts";

export default defineConfig({
  // And the command line, which is no entry for imports.
  entry: Object.fromEntries([
    ...publicEntries().map(({ name, source }) => [name, source]),
    ["cli/index", "src/cli/index.ts"],
  ]),
  format: "esm",
  platform: "node",
  target: "node20",
  fixedExtension: false,
  dts: true,
  // Whatever is not a dependency of ours would be copied into the build without a word.
  deps: { onlyBundle: [] },
  failOnWarn: true,
  // On a busy machine a slow build is no reason to fail.
  checks: { pluginTimings: false },
  publint: { strict: true },
  attw: { profile: "esm-only", level: "error" },
});
