import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { documents, paths, read, root } from "./markdown.ts";

describe.each(documents())("%s", (document) => {
  it("names only files and folders of this repository that exist", () => {
    expect(paths(read(document)).filter((path) => !existsSync(root + path))).toEqual([]);
  });
});

it("sees the paths, and leaves out what only looks like one", () => {
  const text =
    "`src/core/run/transaction-run.ts`, `test/no-such.ts` `prisma/<provider>/a.sql` `src/<name>/` `tx` `a/b`";
  expect(paths(text)).toEqual(["src/core/run/transaction-run.ts", "test/no-such.ts"]);
});
