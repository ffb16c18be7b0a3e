import type { Finding } from "../../core/contract/finding.ts";
import { type Names, type TableNames, unquoted } from "./names.ts";

/** A column as the database describes it. */
export interface ColumnRow {
  readonly name: string;
  readonly type: string;
  /** What keeps the table, where a database has several. */
  readonly engine?: string;
  /** Whether a crash empties the table. */
  readonly isVolatile?: boolean;
}

/** An index as the database describes it: its columns in order, with commas between them. */
export interface IndexRow {
  readonly columns: string;
  readonly isUnique: boolean | number | bigint;
}

/** What may keep a write from a row. */
export interface HurdleRow {
  readonly kind: "trigger" | "row-level security";
  readonly name: string;
}

/** What the database says of one of our tables. */
export interface TableDescription {
  readonly columns: readonly ColumnRow[];
  readonly indexes: readonly IndexRow[];
  readonly hurdles: readonly HurdleRow[];
}

/** Compares our tables with what the statements need of them. `folder` of the package has the tables. */
export function checkTables(
  names: Names,
  described: { readonly record: TableDescription; readonly step: TableDescription },
  folder: string,
): Finding[] {
  const { record, step } = names;
  const apply = `migrate the models IdempotencyRecord and IdempotencyStep, or apply ${folder}/idempotency.sql of the package onceonly`;
  return [
    ...checkTable(record, described.record, [record.columns.id], apply),
    ...checkTable(step, described.step, [step.columns.recordId, step.columns.name], apply),
    ...checkUnique(record, described.record, [record.columns.id], identityOf(record)),
    ...checkUnique(step, described.step, [step.columns.recordId, step.columns.name]),
    ...checkHurdles(record, described.record),
    ...checkHurdles(step, described.step),
    ...checkTimes(record, described.record),
    ...checkSpace(record, described.record),
    ...checkPruning(record, described.record, apply),
  ];
}

function checkTable(
  { table, columns }: TableNames,
  { columns: present, indexes }: TableDescription,
  key: readonly string[],
  apply: string,
): Finding[] {
  if (present.length === 0) {
    return [
      {
        severity: "fatal",
        subject: `table ${table}`,
        message: `It is not in the database, or this user may not see it: ${apply}.`,
      },
    ];
  }
  const names = new Set(present.map(({ name }) => name));
  const missing = Object.values<string>(columns).filter((column) => !names.has(unquoted(column)));
  const findings = missing.map((column): Finding => {
    const message = `It is missing: ${apply}, of this version of the package.`;
    return { severity: "fatal", subject: `column ${column} of ${table}`, message };
  });
  const isKeyed = indexes.some(
    (index) => Boolean(index.isUnique) && sameColumns(index.columns.split(","), key.map(unquoted)),
  );
  if (missing.length === 0 && !isKeyed) {
    const message = `No unique index is on (${key.join(", ")}), so nothing keeps two runs apart: ${apply}.`;
    findings.push({ severity: "fatal", subject: `primary key of ${table}`, message });
  }
  return findings;
}

const identityOf = ({ columns: c }: Names["record"]) => [c.scope, c.operation, c.key];

/** A unique index on less than what names a row takes two rows for one. */
function checkUnique(
  { table }: TableNames,
  { indexes }: TableDescription,
  ...names: readonly (readonly string[])[]
): Finding[] {
  const tooFew = ({ columns, isUnique }: IndexRow) => {
    const indexed = columns.split(",");
    return (
      Boolean(isUnique) && !names.some((name) => name.every((column) => indexed.includes(unquoted(column))))
    );
  };
  return indexes.filter(tooFew).map(({ columns }) => ({
    severity: "fatal",
    subject: `unique index on (${columns}) of ${table}`,
    message: "It takes different rows for one, of which only the first can be stored: drop the index.",
  }));
}

function sameColumns(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && others.every((column) => some.includes(column));
}

/** A write that is suppressed, or a row that is hidden, looks to a run as if another had its claim. */
function checkHurdles({ table }: TableNames, { hurdles }: TableDescription): Finding[] {
  return hurdles.map(({ kind, name }) => ({
    severity: "warning",
    subject: `${kind} ${name} on ${table}`,
    message:
      "Every write must reach its row, and every user of the database see every row: exempt the table, or make sure of both.",
  }));
}

/** Sessions in different time zones would write different times into columns without one. */
function checkTimes({ table, columns: c }: Names["record"], { columns }: TableDescription): Finding[] {
  const times = [c.lockedUntil, c.createdAt, c.completedAt, c.expiresAt].map(unquoted);
  return columns
    .filter(({ name, type }) => times.includes(name) && /without time zone/.test(type))
    .map(({ name, type }) => ({
      severity: "warning",
      subject: `column ${name} of ${table}`,
      message: `It is a ${type}: leases and retention shift between sessions in different time zones. Make it a timestamptz.`,
    }));
}

/** A text that is cut, or refused, could not be replayed. An operation and a key have 255 characters at most. */
function checkSpace({ table, columns: c }: Names["record"], { columns }: TableDescription): Finding[] {
  const texts = [c.scope, c.response, c.input].map(unquoted);
  const names = [c.operation, c.key].map(unquoted);
  const isShort = ({ name, type }: ColumnRow) => {
    const [, length] = /char.*\((\d+)\)/i.exec(type) ?? [];
    return length !== undefined && (texts.includes(name) || (names.includes(name) && Number(length) < 255));
  };
  return columns.filter(isShort).map(({ name, type }) => ({
    severity: "warning",
    subject: `column ${name} of ${table}`,
    message: `It is a ${type}, and a longer text fails the run. Make it a text.`,
  }));
}

function checkPruning(
  { table, columns: c }: Names["record"],
  { columns, indexes }: TableDescription,
  apply: string,
): Finding[] {
  const expires = unquoted(c.expiresAt);
  if (columns.length === 0 || indexes.some((index) => index.columns.split(",")[0] === expires)) {
    return [];
  }
  const message = `No index begins with it, so prune() reads the whole table: ${apply}.`;
  return [{ severity: "warning", subject: `column ${c.expiresAt} of ${table}`, message }];
}
