import { expect } from "vitest";
import { isIdempotencyError } from "../../src/core/contract/errors/errors.ts";
import type { Finding } from "../../src/core/contract/upkeep/finding.ts";
import { createIdempotency } from "../../src/create-idempotency.ts";
import type { TestDatabase } from "../support/database.ts";
import { records } from "../support/runs.ts";

/** Each finding in one line, without the quotes around names. */
export async function findingsOf(db: TestDatabase, client = db.prisma): Promise<string[]> {
  const findings = await createIdempotency({ prisma: client })
    .check()
    .catch((error: unknown) => {
      if (isIdempotencyError(error) && error.code === "STORE_MISCONFIGURED") return error.details.findings;
      throw error;
    });
  expect([await records(db), await db.query("SELECT * FROM idempotency_step")]).toEqual([[], []]);
  return linesOf(findings ?? []);
}

export const linesOf = (findings: readonly Finding[]) =>
  findings.map(({ severity, subject, message }) =>
    `${severity}, ${subject}: ${message}`.replaceAll(/["`]/g, ""),
  );

export const named = (cases: readonly Case[]) =>
  cases.map(([name, sql, ...findings]) => [name, { sql, findings }] as const);

export const alter = (change: string, table = "idempotency_record") => `ALTER TABLE ${table} ${change}`;
export const constraint = alter("ADD CONSTRAINT short CHECK (length(response) < 100)");

export type Case = readonly [name: string, sql: readonly string[], ...findings: RegExp[]];
