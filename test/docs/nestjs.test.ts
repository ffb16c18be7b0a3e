import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { appliesTo, diffsOf } from "./diffs.ts";
import { codeBlocks, read, root } from "./markdown.ts";

const DOCUMENT = "docs/guides/nestjs.md";
const FOLDER = "examples/nest";

const files = codeBlocks(read(DOCUMENT))
  .filter(({ language }) => language === "typescript")
  .map(({ code }) => /^\/\/ (\S+)\n([^]*)$/.exec(code))
  .map((found) => [found?.[1] ?? "", found?.[2] ?? ""] as const);

describe("the guide to NestJS", () => {
  it.each(files)("shows %s as it is in the example", (path, code) => {
    expect(code).toBe(readFileSync(`${root}${FOLDER}/${path}`, "utf8"));
  });

  it("shows files", () => expect(files.length).toBeGreaterThan(3));

  it("shows diffs that the example has, and that make it one for Prisma 6", () => {
    const [changes = "", ofPrisma6 = ""] = diffsOf(DOCUMENT, "## Prisma 6");
    expect(appliesTo(FOLDER, changes, "reversed")).toBe("");
    expect(appliesTo(FOLDER, ofPrisma6)).toBe("");
  });
});
