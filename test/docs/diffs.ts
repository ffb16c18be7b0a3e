/** The diffs that documents show, as `git apply` reads them. */
import { spawnSync } from "node:child_process";
import { codeBlocks, read, root } from "./markdown.ts";

/** All blocks of a document before a heading as one diff, and all after it. */
export function diffsOf(document: string, heading: string): string[] {
  return read(document)
    .split(`\n${heading}\n`)
    .map((text) =>
      codeBlocks(text)
        .filter(({ language }) => language === "diff")
        .map(({ code }) => code)
        .join(""),
    );
}

/** Why a diff does not apply to a folder; an empty text if it does. */
export function appliesTo(folder: string, diff: string, direction?: "reversed"): string {
  const reverse = direction === "reversed" ? ["--reverse"] : [];
  const args = ["apply", "--check", ...reverse, `--directory=${folder}`, "-"];
  return spawnSync("git", args, { cwd: root, input: diff, encoding: "utf8" }).stderr;
}
