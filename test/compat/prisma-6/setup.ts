/** Children of the test files run on Prisma 6 too, and so do theirs. Not in vitest's `env`, which vitest's own processes obey. */
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { bundled } from "../../support/bundle.ts";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx"));
const child = bundled(new URL("child.ts", import.meta.url));

process.env["PRISMA_FROM"] = fileURLToPath(new URL(".", import.meta.url));
process.env["NODE_OPTIONS"] = `--import ${tsx.href} --import ${child.href}`;
