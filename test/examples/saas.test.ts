import { expect, test } from "vitest";
import { runExample } from "./run-example.ts";

test("the saas example keeps one tenant from another's rows, and leaves nothing behind", async () => {
  const { exitCode, output, left } = await runExample("saas");
  expect(output.trimEnd().split("\n")).toEqual([
    "one database:",
    "  globex archives acme's project: 0 archived",
    "  is it archived? false",
    "  acme, with the same key: 1 archived",
    "  acme, sent again: 1 archived (replayed)",
    "  is it archived? true",
    "  acme's eu:ada: 1 archived",
    "  ada of acme:eu, with the same key: 0 archived",
    expect.stringContaining("  nobody of acme: The scope of archive is of type undefined"),
    "a database each:",
    "  acme asks for a report: the service is out of order",
    "  globex, with the same key: rocket-1.pdf",
    "  acme's completer has made it; acme, sent again: rocket-2.pdf (replayed)",
    "  in acme's database: rocket-2.pdf",
    "  in globex's database: rocket-1.pdf",
    "  rendered: 2",
  ]);
  expect(exitCode).toBe(0);
  expect(left).toEqual([]);
});
