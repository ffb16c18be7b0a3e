/** Every process warning of ours stands in the guide to errors. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { root } from "./markdown.ts";

it("names each warning that the sources give, and no other", () => {
  const sources = readdirSync(`${root}src`, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => readFileSync(`${root}src/${path}`, "utf8"))
    .join("\n");
  const namesIn = (text: string) => new Set(text.match(/\bONCEONLY_[A-Z_]+\b|\bOnceonly[A-Z]\w*Warning\b/g));
  const guide = readFileSync(`${root}docs/errors.md`, "utf8");
  expect([...namesIn(guide)].sort()).toEqual([...namesIn(sources)].sort());
});
