import { expect, test } from "vitest";
import { Prisma } from "../../examples/payments/generated/client.ts";
import { spawnWorker } from "../support/worker.ts";
import type { FromVersions } from "./prisma-version-process.ts";
import { runProgram } from "./run-example.ts";

test("the processes of the examples, and those that they start, run on the Prisma that is tested", async () => {
  const wanted = process.env["PRISMA_FROM"] === undefined ? /^7\./ : /^6\./;
  expect(Prisma.prismaVersion.client).toMatch(wanted);

  await using worker = spawnWorker<FromVersions>(
    new URL("prisma-version-process.ts", import.meta.url),
    undefined,
  );
  const ofWorker = await worker.waitFor("versions");
  const { output } = await runProgram("test/examples/prisma-version-process.ts");
  const [own, ofChild] = output.trimEnd().split("\n");
  const all = [ofWorker, JSON.parse(own ?? ""), JSON.parse(ofChild ?? "")] as FromVersions[];
  for (const { versions, sqlite } of all) {
    expect(Object.keys(versions)).toEqual(["payments", "payments-postgresql", "saas", "webhooks"]);
    expect(new Set(Object.values(versions))).toEqual(new Set([Prisma.prismaVersion.client]));
    // Two would break each other's locks on a file that both have open.
    expect(sqlite).toHaveLength(1);
  }
});
