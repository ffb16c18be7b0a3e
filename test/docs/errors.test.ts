/** What the documents say about errors is what the adapters do with them. */
import { getHTTPStatusCodeFromError } from "@trpc/server/http";
import { describe, expect, it } from "vitest";
import {
  type AnyIdempotencyError,
  IdempotencyError,
  type IdempotencyErrorCode,
  type InputProblem,
  type KeyProblem,
} from "../../src/core/contract/errors/errors.ts";
import { type HttpProblemCode, problemResponse } from "../../src/http/problems/problem.ts";
import { toTRPCError } from "../../src/trpc/errors/trpc-error.ts";
import { toGraphQLError } from "../../src/yoga/errors/graphql-errors.ts";
import { anchors, documents, read, tables } from "./markdown.ts";

/** Complete, or it does not compile. */
const RUN_CODES = Object.keys({
  KEY_MISSING: 0,
  KEY_INVALID: 0,
  INPUT_INVALID: 0,
  KEY_REUSED: 0,
  IN_PROGRESS: 0,
  CLAIM_LOST: 0,
  LEASE_LOST: 0,
  ATTEMPTS_EXHAUSTED: 0,
  STORE_UNAVAILABLE: 0,
  STORE_MISCONFIGURED: 0,
  RESULT_UNSTORABLE: 0,
  RESULT_UNREADABLE: 0,
  SCOPE_MISSING: 0,
} satisfies Record<IdempotencyErrorCode, 0>) as IdempotencyErrorCode[];

const HTTP_CODES = Object.keys({
  BODY_INVALID: 0,
  BODY_TOO_LARGE: 0,
  PRECONDITION_INVALID: 0,
  PRECONDITION_FAILED: 0,
  PRECONDITION_REQUIRED: 0,
} satisfies Record<Exclude<HttpProblemCode, IdempotencyErrorCode>, 0>) as HttpProblemCode[];

const errorOf = (code: IdempotencyErrorCode) =>
  new IdempotencyError(code, "why", {} as never) as AnyIdempotencyError;

/** What a table may say about a code, by the words of its head. */
function factsOf(code: IdempotencyErrorCode): Readonly<Record<string, string>> {
  const error = errorOf(code);
  const { status } = problemResponse(error);
  return {
    code,
    HTTP: String(status),
    status: String(status),
    tRPC: toTRPCError(error).code,
    "GraphQL extensions.code": String(toGraphQLError(error).extensions["code"]),
    retry: error.retryable ? "same key" : "no",
  };
}

const facts = new Map<string, Readonly<Record<string, string>>>([
  ...RUN_CODES.map((code) => [code, factsOf(code)] as const),
  ...HTTP_CODES.map((code) => {
    const status = String(problemResponse({ code, message: "why" }).status);
    return [code, { code, HTTP: status, status }] as const;
  }),
]);

/** What is wrong in a table of codes: each cell under a known head must say what the code does. */
function problemsOf(rows: readonly Readonly<Record<string, string>>[]): string[] {
  return rows.flatMap((row) => {
    const known = facts.get(row["code"] ?? "");
    if (known === undefined) return [`no such code: ${row["code"]}`];
    return Object.entries(row)
      .filter(([head, cell]) => head in known && known[head] !== cell)
      .map(([head, cell]) => `${row["code"]}: ${head} is ${known[head]}, not ${cell}`);
  });
}

const codeTables = (text: string) => tables(text).filter(([row]) => row !== undefined && "code" in row);

describe("an error", () => {
  it.each(RUN_CODES)("%s has the same status over every transport", (code) => {
    const error = errorOf(code);
    const { status, headers } = problemResponse(error);
    const { http } = toGraphQLError(error).extensions as {
      http?: { status: number; headers: Record<string, string> };
    };
    expect([http?.status, getHTTPStatusCodeFromError(toTRPCError(error))]).toEqual([status, status]);
    expect(headers.has("retry-after")).toBe(error.retryable);
    expect("Retry-After" in (http?.headers ?? {})).toBe(error.retryable);
  });
});

describe.each(documents())("%s", (path) => {
  const text = read(path);

  it("has only tables of codes that are true", () => {
    expect(codeTables(text).flatMap(problemsOf)).toEqual([]);
  });

  it("names codes of GraphQL, and statuses beside codes, that are true", () => {
    const ofGraphQL = new Set([...facts.values()].map((known) => known["GraphQL extensions.code"]));
    const named = text.matchAll(/`(IDEMPOTENCY_[A-Z_]+)`/g);
    expect(Array.from(named, ([, code]) => code).filter((code) => !ofGraphQL.has(code))).toEqual([]);
    const withStatus = text.matchAll(/`([A-Z_]+)`\s\((\d{3})\b/g);
    expect(
      Array.from(withStatus, ([, code = "", status]) => `${code}: ${status}`).filter((said) => {
        const [code = "", status] = said.split(": ");
        return facts.has(code) && facts.get(code)?.["status"] !== status;
      }),
    ).toEqual([]);
  });
});

describe("docs/errors.md", () => {
  const text = read("docs/errors.md");

  it("has every code in its table of codes, and a section for it", () => {
    const [main = []] = codeTables(text);
    expect(main.map(({ code }) => code)).toEqual(RUN_CODES);
    expect(Object.keys(main[0] ?? {})).toEqual(["code", "HTTP", "tRPC", "GraphQL extensions.code", "retry"]);
    expect(RUN_CODES.filter((code) => !anchors(text).has(code.toLowerCase()))).toEqual([]);
  });

  it("has every reason of KEY_INVALID and INPUT_INVALID", () => {
    const reasons = {
      not_a_string: 0,
      empty: 0,
      too_long: 0,
      not_printable_ascii: 0,
      malformed_header: 0,
      count_mismatch: 0,
      conflicting_keys: 0,
    } satisfies Record<KeyProblem, 0>;
    const ofInputs = { too_large: 0, too_deep: 0, not_comparable: 0 } satisfies Record<InputProblem, 0>;
    const said = tables(text).flatMap((rows) => rows.flatMap(({ reason }) => reason ?? []));
    expect(said).toEqual([...Object.keys(reasons), ...Object.keys(ofInputs)]);
  });

  it("has every problem document in one of its tables, with its type", async () => {
    const [, ...problems] = codeTables(text);
    const said = problems.flat().map((row) => [row["code"], row["type: urn:onceonly:problem:..."]]);
    const all = [...RUN_CODES, ...HTTP_CODES].map(async (code) => {
      const { type } = (await problemResponse({ code, message: "why" }).json()) as { type: string };
      return [code, type.replace("urn:onceonly:problem:", "")];
    });
    expect(said).toHaveLength(all.length);
    expect(Object.fromEntries(said)).toEqual(Object.fromEntries(await Promise.all(all)));
  });
});

it("sees a wrong cell, and a code that does not exist", () => {
  const text =
    "| code | HTTP | retry |\n|---|---|---|\n| [`KEY_REUSED`](#a) | 409 | no |\n| `KEY_LOST` | 409 | no |\n";
  expect(codeTables(text).flatMap(problemsOf)).toEqual([
    "KEY_REUSED: HTTP is 422, not 409",
    "no such code: KEY_LOST",
  ]);
});
