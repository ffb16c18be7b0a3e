import { existsSync } from "node:fs";
import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { anchors, documents, links, read, root } from "./markdown.ts";

describe.each(documents())("%s", (path) => {
  it("links only to files and headings that exist", () => {
    expect(links(read(path)).flatMap((target) => problemOf(path, target))).toEqual([]);
  });
});

it("knows a broken link when it sees one", () => {
  const text = "# A `b`: c\n\n[a](#a-b-c) [b](#b) [c](no-such.md) [d](README.md#no-such) `[e](no)`\n";
  expect(anchors(text)).toEqual(new Set(["a-b-c"]));
  expect(links(text)).toEqual(["#a-b-c", "#b", "no-such.md", "README.md#no-such"]);
  expect(
    ["#status", "no-such.md", "README.md#no-such"].map((target) => problemOf("README.md", target)),
  ).toEqual([
    ["#status: no such heading"],
    ["no-such.md: no such file"],
    ["README.md#no-such: no such heading"],
  ]);
});

function problemOf(from: string, target: string): string[] {
  if (/^https?:/.test(target)) return [];
  const [file = "", anchor] = target.split("#");
  const path = file === "" ? from : posix.join(posix.dirname(from), file);
  if (!existsSync(root + path)) return [`${target}: no such file`];
  if (anchor !== undefined && !anchors(read(path)).has(anchor)) return [`${target}: no such heading`];
  return [];
}
