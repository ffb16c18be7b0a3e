import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { registerInit } from "../../../src/cli/init/register-init.ts";
import type { Report } from "../../../src/cli/report.ts";
import { registerUpgrade } from "../../../src/cli/upgrade/register-upgrade.ts";
import { openSqlite } from "../../support/database.ts";
import { idempotencyOf } from "../../support/runs.ts";
import { applications, write } from "./applications.ts";

describe("in a program", () => {
  test("init takes its options", async () => {
    const [application] = applications;
    using app = write({ ...application?.files });
    const reports: Report[] = [];
    const program = new Command();
    registerInit(program, (report) => reports.push(report));
    const schema = `${app.folder}/prisma/schema.prisma`;
    await program.parseAsync(["init", "--schema", schema, "--provider", "sqlite"], { from: "user" });
    expect(reports).toMatchObject([{ isNo: false, json: { provider: "sqlite", models: { length: 2 } } }]);
    await expect(
      program.parseAsync(["init", "--schema", schema, "--db-schema", "a"], { from: "user" }),
    ).rejects.toThrow("--db-schema says a");
  });

  test("upgrade takes the instance that the program finds", async () => {
    await using db = await openSqlite();
    await db.query("DROP INDEX idempotency_record_locked_until_idx");
    const reports: Report[] = [];
    const program = new Command();
    registerUpgrade(program, {
      open: async () => idempotencyOf(db.prisma),
      print: (report) => reports.push(report),
    });
    await program.parseAsync(["upgrade"], { from: "user" });
    expect(reports).toMatchObject([{ isNo: true, json: { statements: { length: 1 }, left: [] } }]);
    expect(reports[0]?.lines).toEqual([
      expect.stringMatching(
        /^-- column "locked_until" of "idempotency_record": No index begins with it, so completers read/,
      ),
      'CREATE INDEX "idempotency_record_locked_until_idx" ON "idempotency_record"("locked_until");',
      expect.stringMatching(/^-- Nothing was run\./),
    ]);
  });
});
