/** An application whose code imports its client, as the tests see it. */
import type { TestDatabase } from "../../support/database.ts";
import type { ExampleProvider } from "../../support/providers.ts";

/** What came back for one request. */
export interface Answer {
  /** Of the row that the mutation made. */
  id: number | undefined;
  /** Text or code of an error. */
  error: string | undefined;
  replayed: boolean;
  body: unknown;
}

/** Sends the mutation; `fails`: such that it fails after its writes. */
type Send = (key: string, fails: boolean) => Promise<Answer>;

export interface Example {
  name: "t3" | "pothos" | "services";
  clients: Record<ExampleProvider, () => Promise<unknown>>;
  /** Loads the application, which takes its client from `globalThis.prisma`. */
  load: () => Promise<Send>;
  /** Rows that are there from the beginning. */
  seed: readonly string[];
  /** One row with `id` for each execution of the key `?`, and with the counts of `complete`. */
  executions: string;
  complete: Record<string, number>;
  /** One row of sums over whole tables, of which each execution makes `share`. */
  sums: string;
  share: Record<string, number>;
  /** What becomes of a record whose mutation fails. */
  failure: { error: RegExp; records: readonly string[] };
  /** Tables that a failing mutation writes before it fails. */
  written: readonly string[];
  /** What `main.ts` prints. */
  output: readonly string[];
}

/** Executions of a key, as committed. */
export async function executionsOf(
  { executions, complete }: Example,
  database: TestDatabase,
  key: string,
): Promise<{ id: number; isComplete: boolean }[]> {
  const rows = await database.query(executions.replace("?", database.placeholder(1)), [key]);
  return rows.map((row) => ({
    id: Number(row["id"]),
    isComplete: Object.entries(complete).every(([name, count]) => Number(row[name]) === count),
  }));
}

/** Sums over the tables, as multiples of what one execution makes. */
export async function sumsOf({ sums }: Example, database: TestDatabase): Promise<Record<string, number>> {
  const [row = {}] = await database.query(sums);
  return Object.fromEntries(Object.entries(row).map(([name, sum]) => [name, Number(sum)]));
}

export function sharesOf({ share }: Example, executions: number): Record<string, number> {
  return Object.fromEntries(Object.entries(share).map(([name, one]) => [name, one * executions]));
}

export async function recordsOf(database: TestDatabase, key: string): Promise<string[]> {
  const sql = `SELECT status FROM idempotency_record WHERE key = ${database.placeholder(1)}`;
  const rows = await database.query(sql, [key]);
  return rows.map(({ status }) => String(status));
}
