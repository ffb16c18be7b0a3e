/** Each sentence of a guarantee stands where docs/internals/guarantees.md says so, and so does the test that holds it. */
import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { read, root, tables, titlesIn } from "./markdown.ts";

const PAGE = "docs/internals/guarantees.md";

/** A text without its marks and line ends: a sentence may be broken over lines, emphasised or linked. */
const plain = (text: string) =>
  text
    .replaceAll(/^ *\/?\*+\/? ?/gm, "")
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/[`*]/g, "")
    .replaceAll(/\s+/g, " ");

/** The sentences of each document, with their tests. */
function guaranteesIn(page: string) {
  return page
    .split(/^## /m)
    .slice(1)
    .flatMap((section) => {
      const [source = ""] = section.split("\n", 1);
      return tables(section)
        .flat()
        .map((row) => ({ source, ...row }) as Record<string, string>);
    });
}

function problemsOf({ source = "", sentence = "", test = "", name = "" }: Record<string, string>): string[] {
  const problems = [];
  if (!plain(read(source)).includes(sentence)) problems.push(`${source} does not say: ${sentence}`);
  if (!existsSync(root + test)) problems.push(`${test} does not exist`);
  else if (!titlesIn(read(test)).some((title) => title.includes(name)))
    problems.push(`${test} has no test: ${name}`);
  return problems;
}

it("every guarantee is a sentence of the document that it is said of, and is held by a test that exists", () => {
  const guarantees = guaranteesIn(read(PAGE));
  expect(guarantees.length).toBeGreaterThan(50);
  expect(guarantees.flatMap(problemsOf)).toEqual([]);
});

it("what each error code promises is held by a test", () => {
  const sentences = guaranteesIn(read(PAGE)).map(({ sentence = "" }) => sentence);
  const sections = read("docs/errors.md")
    .split(/^## /m)
    .filter((section) => /^[A-Z_]+\n/.test(section));
  const without = sections.filter(
    (section) => !sentences.some((sentence) => plain(section).includes(sentence)),
  );
  expect(sections.length).toBeGreaterThan(10);
  expect(without.map((section) => section.split("\n", 1)[0])).toEqual([]);
});

it("a sentence, a file or a test that is not there is found", () => {
  const good = {
    source: "README.md",
    sentence: "Exactly-once mutations",
    test: "test/docs/links.test.ts",
    name: "knows a broken link",
  };
  expect(problemsOf(good)).toEqual([]);
  expect(problemsOf({ ...good, sentence: "At-most-once mutations" })).toHaveLength(1);
  expect(problemsOf({ ...good, test: "test/docs/no.test.ts" })).toHaveLength(1);
  expect(problemsOf({ ...good, name: "knows no broken link" })).toHaveLength(1);
});
