import { readdirSync, rmSync, writeFileSync } from "node:fs";
import type { Results } from "../results.ts";
import { pageOf } from "./page.ts";

const docs = new URL("../../docs/", import.meta.url);
const images = new URL("images/", docs);

/** The plots of an earlier run go, so that none is left which the page does not show. */
export function writePage(results: Results): void {
  const { markdown, plots } = pageOf(results);
  for (const file of readdirSync(images)) {
    if (/^performance-.*\.svg$/.test(file)) rmSync(new URL(file, images));
  }
  for (const [file, svg] of plots) writeFileSync(new URL(file, images), svg);
  writeFileSync(new URL("performance.md", docs), markdown);
}
