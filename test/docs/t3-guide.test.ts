import { expect, it } from "vitest";
import { appliesTo, diffsOf } from "./diffs.ts";

const GUIDE = "docs/guides/nextjs-t3.md";
const [made = "", seven = ""] = diffsOf(GUIDE, "## Prisma 7");

it("the diffs of the guide are what the example has more than create-t3-app", () => {
  expect(appliesTo("examples/t3-app", made, "reversed")).toBe("");
});

it("the diffs for Prisma 7 fit the example", () => {
  expect(appliesTo("examples/t3-app", seven)).toBe("");
});

it("a diff that does not fit is seen", () => {
  expect(appliesTo("examples/t3-app", made)).toContain("patch does not apply");
});
