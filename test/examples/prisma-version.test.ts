import { expect, test } from "vitest";
import { Prisma } from "../../examples/payments/generated/client.ts";
import { spawnWorker } from "../support/worker.ts";
import type { FromVersions, Versions } from "./prisma-version-process.ts";
import { runProgram } from "./run-example.ts";

test("the processes of the examples, and those that they start, run on the Prisma that is tested", async () => {
  const wanted = process.env["PRISMA_FROM"] === undefined ? /^7\./ : /^6\./;
  expect(Prisma.prismaVersion.client).toMatch(wanted);

  await using worker = spawnWorker<FromVersions>(
    new URL("prisma-version-process.ts", import.meta.url),
    undefined,
  );
  const { versions } = await worker.waitFor("versions");
  const { output } = await runProgram("test/examples/prisma-version-process.ts");
  const [own, ofChild] = output.trimEnd().split("\n");
  for (const found of [versions, JSON.parse(own ?? ""), JSON.parse(ofChild ?? "")] as Versions[]) {
    expect(Object.keys(found)).toEqual(["payments", "payments-postgresql", "saas", "webhooks"]);
    expect(new Set(Object.values(found))).toEqual(new Set([Prisma.prismaVersion.client]));
  }
});
