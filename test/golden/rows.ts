/** Rows of the library's tables as JSON: what one version has written and each later one must read. */
import { readdirSync, readFileSync } from "node:fs";
import type { TestDatabase } from "../support/database.ts";
import { type GoldenCase, goldenCases } from "./cases.ts";

type Row = Readonly<Record<string, string | number | null>>;

interface Rows {
  readonly records: readonly Row[];
  readonly steps: readonly Row[];
}

/** The rows of each case, by its name. */
export type GoldenFile = Readonly<Record<string, Rows>>;

const FOLDER = new URL("rows/", import.meta.url);
/** What differs from run to run is given one value. */
const CLAIMED = "2026-01-01T00:00:00.000+00:00";
const FIXED = {
  owner: "golden",
  created_at: CLAIMED,
  record_created_at: CLAIMED,
  completed_at: "2026-01-01T00:00:00.500+00:00",
  locked_until: "2026-01-01T00:01:00.000+00:00",
  expires_at: "2999-01-01T00:00:00.000+00:00",
} as const;

const TIME = CLAIMED.replaceAll(/\d/g, "0");

export const fileOf = (version: string): URL => new URL(`${version}.json`, FOLDER);

/** One file for each version, with the cases that it knew. */
export function goldenFiles(): { version: string; file: GoldenFile }[] {
  return readdirSync(FOLDER).map((name) => ({
    version: name.replace(/\.json$/, ""),
    file: JSON.parse(readFileSync(new URL(name, FOLDER), "utf8")) as GoldenFile,
  }));
}

/** Has today's version write the rows of all cases. */
export async function writeGolden(open: () => Promise<TestDatabase>): Promise<GoldenFile> {
  await using db = await open();
  const all: Record<string, Rows> = {};
  for (const { name, write } of goldenCases) {
    await write(db, []);
    all[name] = await takeRows(db);
  }
  return all;
}

async function takeRows(db: TestDatabase): Promise<Rows> {
  const rows = {
    records: (await db.query("SELECT * FROM idempotency_record ORDER BY operation, key")).map(fix),
    steps: (await db.query("SELECT * FROM idempotency_step ORDER BY record_id, name")).map(fix),
  };
  await db.query("DELETE FROM idempotency_record");
  await db.query("DELETE FROM idempotency_step");
  return rows;
}

function fix(row: Readonly<Record<string, unknown>>): Row {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => {
      const fixed = (FIXED as Readonly<Record<string, string>>)[column];
      const kept = fixed === undefined || value === null || isOddTime(column, value);
      return [column, kept ? (value as string | number | null) : fixed];
    }),
  );
}

/** SQLite has times as text, which is a format like any other. */
function isOddTime(column: string, value: unknown): boolean {
  return column !== "owner" && typeof value === "string" && value.replaceAll(/\d/g, "0") !== TIME;
}

export async function insertRows(db: TestDatabase, { records, steps }: Rows): Promise<void> {
  for (const row of records) await insert(db, "idempotency_record", row);
  for (const row of steps) await insert(db, "idempotency_step", row);
}

async function insert(db: TestDatabase, table: string, row: Row): Promise<void> {
  const columns = Object.keys(row);
  const values = columns.map((_, index) => db.placeholder(index + 1));
  const sql = `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${values.join(", ")})`;
  await db.query(sql, Object.values(row));
}

export const caseOf = (name: string): GoldenCase | undefined =>
  goldenCases.find((goldenCase) => goldenCase.name === name);
