import { execFileSync } from "node:child_process";
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

it("lead from what is packed only to what is packed", () => {
  const packed = packedFiles();
  expect(packed).toEqual(expect.arrayContaining(["README.md", "SECURITY.md", "docs/guides/trpc.md"]));
  const dead = packed
    .filter((path) => path.endsWith(".md"))
    .flatMap((path) =>
      targetsOf(path)
        .filter((target) => !packed.includes(target))
        .map((target) => `${path}: ${target} is not packed`),
    );
  expect(dead).toEqual([]);
});

/** What users get, as npm says, without the build. */
function packedFiles(): string[] {
  const said = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    shell: process.platform === "win32",
  });
  const [packed] = JSON.parse(said) as { files: { path: string }[] }[];
  return (packed?.files ?? []).map(({ path }) => path).filter((path) => !path.startsWith("dist/"));
}

/** The files that a document links to or shows. */
function targetsOf(path: string): string[] {
  const images = Array.from(read(path).matchAll(/<img src="([^"]+)"/g), ({ 1: source = "" }) => source);
  return [...links(read(path)), ...images]
    .filter((target) => !/^(https?:|#)/.test(target))
    .map((target) => posix.join(posix.dirname(path), target.split("#")[0] ?? ""));
}

function problemOf(from: string, target: string): string[] {
  if (/^https?:/.test(target)) return [];
  const [file = "", anchor] = target.split("#");
  const path = file === "" ? from : posix.join(posix.dirname(from), file);
  if (!existsSync(root + path)) return [`${target}: no such file`];
  if (anchor !== undefined && !anchors(read(path)).has(anchor)) return [`${target}: no such heading`];
  return [];
}
