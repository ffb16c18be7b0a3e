/** What a database can do is asked of its dialect: nothing outside of src/sql knows which one it is. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const src = fileURLToPath(new URL("../../src", import.meta.url));

const sources = readdirSync(src, { recursive: true, encoding: "utf8" }).filter(
  (path) => path.endsWith(".ts") && !path.startsWith("sql/"),
);

/** Without comments, and the names of packages. */
const codeOf = (text: string) =>
  text.replaceAll(/\/\*[^]*?\*\/|(?<![:"`'\w])\/\/[^\n]*/g, "").replaceAll(/["']@[\w/.-]+["']/g, '""');

/** A name of a database that stands alone in quotes, as one that something is compared with, or looked up by. */
const NAMED =
  /["'`](?:postgres(?:ql)?|sqlite|mysql|mariadb|cockroachdb)["'`]|\bdialects\.(?!ts\b)\w|\bdialects\[["'`]/i;

describe("the name of a database", () => {
  it("is asked for by nothing outside of src/sql", () => {
    expect(sources.length).toBeGreaterThan(150);
    expect(sources.filter((path) => NAMED.test(codeOf(readFileSync(join(src, path), "utf8"))))).toEqual([]);
  });

  it.each([
    'if (dialect.name === "postgresql") {}',
    "switch (provider) { case 'sqlite': }",
    "const isMaria = name == `mariadb`;",
    "dialects.mariadb",
    'dialects["sqlite"]',
  ])("would be found: %s", (code) => {
    expect(NAMED.test(codeOf(code))).toBe(true);
  });

  it.each(['// "postgresql"', '/* "sqlite" */', 'new Set(["@prisma/adapter-pg"])', '"use PostgreSQL"'])(
    "may be spoken of: %s",
    (code) => {
      expect(NAMED.test(codeOf(code))).toBe(false);
    },
  );
});
