/**
 * Writes test/golden/rows/<version>.json: the rows that this version stores. Each later version must read them, so the file of
 * a released version is never written again.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fileOf, writeGolden } from "../test/golden/rows.ts";
import { openSqlite } from "../test/support/database.ts";

const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
const file = fileOf(version);
mkdirSync(new URL(".", file), { recursive: true });
writeFileSync(file, `${JSON.stringify(await writeGolden(openSqlite), null, 2)}\n`);
console.log(`wrote ${fileURLToPath(file)}`);
