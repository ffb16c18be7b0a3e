/**
 * `node bundle.js <bundler>`: makes one file in `bundled` of main.js and all it imports, but for what loads native code. For
 * workerd, one of worker.js, and one beside it of WebAssembly.
 */
import { mkdirSync, renameSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const [bundler] = process.argv.slice(2);
const input = fileURLToPath(new URL("main.js", import.meta.url));
const folder = fileURLToPath(new URL("bundled/", import.meta.url));
const NATIVE = ["@libsql/client"];

const bundlers = {
  async esbuild() {
    const { build } = await import("esbuild");
    const outfile = `${folder}esbuild.cjs`;
    await build({ entryPoints: [input], outfile, bundle: true, platform: "node", external: NATIVE });
  },
  async webpack() {
    const { default: webpack } = await import("webpack");
    const stats = await promisify(webpack)({
      entry: input,
      target: "node20",
      mode: "production",
      output: { path: folder, filename: "webpack.cjs" },
      externals: Object.fromEntries(NATIVE.map((name) => [name, `commonjs ${name}`])),
    });
    if (stats.hasErrors()) throw new Error(stats.toString("errors-only"));
  },
  async vite() {
    const { build } = await import("vite");
    await build({
      logLevel: "error",
      build: { ssr: input, outDir: folder, emptyOutDir: false },
      ssr: { noExternal: true, external: NATIVE },
    });
    renameSync(`${folder}main.js`, `${folder}vite.mjs`);
  },
  async workerd() {
    const { build } = await import("esbuild");
    await build({
      entryPoints: [fileURLToPath(new URL("worker.js", import.meta.url))],
      outdir: folder,
      bundle: true,
      platform: "node",
      format: "esm",
      // With it pg connects through `cloudflare:sockets`.
      conditions: ["workerd"],
      external: ["cloudflare:*"],
      loader: { ".wasm": "copy" },
      assetNames: "[name]",
      // For the CommonJS modules in the bundle, which `require` those of Node.
      banner: { js: 'import { createRequire } from "node:module"; const require = createRequire("/");' },
    });
  },
};

mkdirSync(folder, { recursive: true });
await bundlers[bundler]();
