/** The page of options has every option, with the default that the code has. */
import { expect, it } from "vitest";
import { errorSerializer } from "../../src/core/contract/errors/error-serializer.ts";
import { devalueCodec } from "../../src/core/contract/options/codec.ts";
import { type RunOptions, resolveOptions, storeAll } from "../../src/core/contract/options/options.ts";
import type { IdempotencyOptions } from "../../src/create-idempotency.ts";
import type { PrismaClientLike } from "../../src/prisma/client/client.ts";
import { read, tables } from "./markdown.ts";

/** Of the store. Complete, or it does not compile. */
const STORE_OPTIONS = {
  prisma: "required",
  provider: "read from the client",
  models: "read from the client",
  guard: '"warn", in production "off"',
  replayCache: "none",
  encryption: "none",
} satisfies Record<Exclude<keyof IdempotencyOptions<PrismaClientLike>, keyof RunOptions>, string>;

/** Made when the database is known. */
const RETRY_CONFLICTS = "0; 10 on a Galera cluster";

/** A default as the page writes it. */
function written(value: unknown): string {
  if (value === undefined) return "none";
  if (value === devalueCodec) return devalueCodec.name;
  if (value === errorSerializer) return "name, message, properties";
  if (value === storeAll) return "all is stored";
  if (typeof value === "number") return value.toLocaleString("en");
  if (typeof value === "object" && JSON.stringify(value) === "{}") return "Prisma's";
  return JSON.stringify(value);
}

function optionsIn(text: string): [string, string][] {
  return tables(text)
    .filter(([row]) => row !== undefined && "option" in row && "default" in row)
    .flat()
    .map((row) => [row["option"] ?? "", row["default"] ?? ""]);
}

it("docs/options.md has every option of createIdempotency with its default", () => {
  const defaults = Object.entries(resolveOptions({})).map(([name, value]) => [
    name,
    name === "retryConflicts" ? RETRY_CONFLICTS : written(value),
  ]);
  const said = optionsIn(read("docs/options.md"));
  // In the order of the page, which is that of interest.
  expect(said.slice(0, 6)).toEqual(Object.entries(STORE_OPTIONS));
  expect(Object.fromEntries(said.slice(6))).toEqual(Object.fromEntries(defaults));
});

it("sees a default that the code does not have", () => {
  const text = "| option | default | |\n|---|---|---|\n| `waitMs` | 1,000 | |\n";
  expect(optionsIn(text)).toEqual([["waitMs", "1,000"]]);
  expect(written(resolveOptions({}).waitMs)).toBe("10,000");
});

it("README.md has the figures of docs/performance.md", () => {
  const measured = new Map(
    tables(read("docs/performance.md"))
      .filter(([row]) => row !== undefined && "aim" in row)
      .flat()
      .map((row): [string | undefined, string | undefined] => [row[""], row["measured"]])
      // "The same" of the first row, which the README has too.
      .toReversed(),
  );
  const costs = [...read("README.md").matchAll(/^\| (.+) \| ([\d.,]+) \|$/gm)];
  expect(costs.length).toBeGreaterThan(4);
  for (const [, what = "", figure] of costs) {
    expect([what, figure]).toEqual([what, measured.get(what.replaceAll("`", ""))]);
  }
});
