import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { databases } from "../support/database.ts";
import { caseOf, fileOf, goldenFiles, insertRows, writeGolden } from "./rows.ts";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

describe.each(databases)("stored rows on $name", ({ open }) => {
  // A change here is a change of the stored format. If it is meant: what does an older version do with such rows, while
  // both are deployed? Then `npm run golden`.
  test(`are those of test/golden/rows/${version}.json, from every entry`, async () => {
    const golden: unknown = JSON.parse(readFileSync(fileOf(version), "utf8"));
    expect(await writeGolden(open)).toEqual(golden);
  });

  describe.each(goldenFiles())("that version $version has written", ({ file }) => {
    test.each(Object.entries(file))("give the same answer: %s", async (name, rows) => {
      const golden = caseOf(name);
      if (golden === undefined) throw new Error(`test/golden/cases.ts has lost the case "${name}"`);
      await using db = await open();
      await insertRows(db, rows);
      const ran: string[] = [];
      const { read = golden.write, answer, executes = [] } = golden;
      expect(await read(db, ran)).toStrictEqual(answer);
      expect(ran).toEqual(executes);
    });
  });
});
