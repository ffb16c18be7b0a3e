/** The samples of the guide to testing, as they are printed. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { root } from "./markdown.ts";
import { filesOf } from "./samples.ts";

const GUIDE = "docs/guides/testing.md";
// Inside the repository, or its packages would not be found.
const folder = `${root}test/docs/generated/testing`;

/** Stands in for node:test, whose tests would be no part of this run. */
const COLLECTING = `
export const works = [];
export const test = (name, work) => works.push(work);
`;

let db: TestDatabase;
beforeAll(async () => {
  db = await openSqlite();
  vi.stubEnv("DATABASE_URL", db.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/collecting.js`, COLLECTING);
  for (const [path, { code }] of filesOf(GUIDE, folder, "sqlite")) {
    writeFileSync(path, code.replace('"node:test"', '"./collecting.js"'));
  }
});
afterAll(async () => {
  const { prisma } = (await import(`${folder}/idempotency.ts`)) as Pick<TestDatabase, "prisma">;
  await prisma.$disconnect();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
  await db[Symbol.asyncDispose]();
});

/** Loads the sample that begins with this comment: its mutations must be executed exactly once. */
async function run(comment: string): Promise<void> {
  const [path] =
    [...filesOf(GUIDE, folder, "sqlite")].find(([, { code }]) => code.startsWith(`// ${comment}\n`)) ?? [];
  await import(path ?? expect.fail());
}

it("the test of a deposit passes", async () => {
  await run("deposit.test.ts");
  const { works } = (await import(`${folder}/collecting.js`)) as { works: (() => Promise<void>)[] };
  expect(works).toHaveLength(1);
  await works[0]?.();
  const { balance } = await db.prisma.account.findUniqueOrThrow({ where: { id: "ada" } });
  // Two single calls, a double, a race, an impatient retry, four kills and a failing statement: each is one deposit of 5.
  expect(balance).toBe(50);
});

it("the tests at the doors pass, and that of what can be closed once", async () => {
  await run("doors.test.ts");
  const { balance } = await db.prisma.account.findUniqueOrThrow({ where: { id: "ada" } });
  expect(balance).toBe(150);
  await run("close.test.ts");
  expect(await db.prisma.account.count()).toBe(1);
});
