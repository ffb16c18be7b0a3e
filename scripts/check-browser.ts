/**
 * Checks what browsers get: each client entry is bundled as an application's bundler would, must reach no module of
 * Node, and stays under its size, minified and gzipped. Peers are not counted.
 */
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/** Bytes, gzipped, by the path below `dist`. */
const bounds: Readonly<Record<string, number>> = {
  // 2,000, and what it takes to mark a retry (100) and to refuse an option that does not exist (60).
  "client/index.js": 2_160,
  // 1,700, and `shouldKey` (100): a key for what the server does not protect executes twice. The names of options (60).
  "trpc/client/index.js": 1_860,
  "react/index.js": 2_000,
};

const problems: string[] = [];
for (const [entry, bound] of Object.entries(bounds)) {
  const { outputFiles } = await build({
    entryPoints: [`dist/${entry}`],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2022",
    // An import that browsers do not have, `node:crypto` or `crypto`, does not resolve and fails the build.
    platform: "browser",
    external: ["@trpc/client", "@trpc/server", "react"],
  });
  const size = gzipSync(outputFiles[0]?.contents ?? "").length;
  console.log(`browser: dist/${entry} has ${size} of ${bound} bytes`);
  if (size >= bound)
    problems.push(`dist/${entry}: ${size} bytes, minified and gzipped; it must stay under ${bound}`);
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
