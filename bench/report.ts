/** Writes docs/performance.md and its plots from a file of results: `node --import tsx report.ts results.json` in bench/. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { writePage } from "./report/write.ts";
import type { Results } from "./results.ts";

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error("usage: report.ts <results.json>");
const path = resolve(process.env["INIT_CWD"] ?? "", file);
writePage(JSON.parse(readFileSync(path, "utf8")) as Results);
