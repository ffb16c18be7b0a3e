/** The scope of the guide to tenants, as it is printed. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { root } from "./markdown.ts";
import { filesOf } from "./samples.ts";

interface Caller {
  readonly tenant: string;
  readonly user: string;
}

interface Sample {
  scopeOf(caller: Partial<Caller>): string | undefined;
  callerOf(scope: string): Caller;
}

const folder = `${root}test/docs/generated/scope`;
let sample: Sample;

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  const path = `${folder}/scope.ts`;
  writeFileSync(path, filesOf("docs/guides/multi-tenant.md", folder, "sqlite").get(path)?.code ?? "");
  sample = (await import(path)) as Sample;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const callers: Caller[] = [
  { tenant: "acme:eu", user: "ada" },
  { tenant: "acme", user: "eu:ada" },
  { tenant: 'acme","eu', user: "ada" },
  { tenant: "acme", user: 'eu","ada' },
];

it("tells all callers apart, and is read back", () => {
  const scopes = callers.map((caller) => sample.scopeOf(caller) ?? "");
  expect(new Set(scopes).size).toBe(callers.length);
  expect(scopes.map((scope) => sample.callerOf(scope))).toEqual(callers);
});

it("is none if an id is missing", () => {
  for (const caller of [{}, { tenant: "acme" }, { user: "ada" }, { tenant: "acme", user: "" }]) {
    expect(sample.scopeOf(caller)).toBeUndefined();
  }
});
