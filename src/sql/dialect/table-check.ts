import type { Finding } from "../../core/contract/upkeep/finding.ts";
import { type Names, type TableNames, unquoted } from "./names.ts";
import type { Remedies, Table } from "./remedies.ts";

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

/** Both of our tables. */
export type DescribedTables = Readonly<Record<Table, TableDescription>>;

/** Says where the tables of the package are: in a `folder` of it. */
export const applying = (folder: string): string =>
  `migrate the models IdempotencyRecord and IdempotencyStep, or apply ${folder}/idempotency.sql of the package onceonly`;

/** Compares our tables and their columns with what the statements need of them. `folder` of the package has the tables. */
export function checkTables(
  names: Names,
  described: DescribedTables,
  folder: string,
  remedies: Remedies,
): Finding[] {
  const { record, step } = names;
  const apply = applying(folder);
  return [
    ...checkTable(names, "record", described.record, apply, remedies),
    ...checkTable(names, "step", described.step, apply, remedies),
    ...checkHurdles(record, described.record),
    ...checkHurdles(step, described.step),
    ...checkTimes(record, described.record, remedies),
    ...checkSpace(record, described.record, remedies),
  ];
}

function checkTable(
  names: Names,
  which: Table,
  { columns: present }: TableDescription,
  apply: string,
  remedies: Remedies,
): Finding[] {
  const { table, columns } = names[which];
  if (present.length === 0) {
    return [
      {
        severity: "fatal",
        subject: `table ${table}`,
        message: `It is not in the database, or this user may not see it: ${apply}.`,
        remedy: remedies.createTable(names, which),
      },
    ];
  }
  const found = new Set(present.map(({ name }) => name));
  return Object.entries<string>(columns)
    .filter(([, column]) => !found.has(unquoted(column)))
    .map(([field, column]) => ({
      severity: "fatal",
      subject: `column ${column} of ${table}`,
      message: `It is missing: ${apply}, of this version of the package.`,
      ...mending(remedies.addColumn(names[which], which, field)),
    }));
}

/** A finding with that remedy, if there is one. */
export const mending = (remedy: readonly string[] | undefined): Pick<Finding, "remedy"> =>
  remedy === undefined ? {} : { remedy };

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
function checkTimes(record: Names["record"], { columns }: TableDescription, remedies: Remedies): Finding[] {
  const { table, columns: c } = record;
  const times = [c.lockedUntil, c.createdAt, c.completedAt, c.expiresAt].map(unquoted);
  return columns
    .filter(({ name, type }) => times.includes(name) && /without time zone/.test(type))
    .map(({ name, type }) => ({
      severity: "warning",
      subject: `column ${name} of ${table}`,
      message: `It is a ${type}: leases and retention shift between sessions in different time zones. Make it a timestamptz.`,
      ...mending(remedies.retype(record, "record", name)),
    }));
}

/** A text that is cut, or refused, could not be replayed. An operation and a key have 255 characters at most. */
function checkSpace(record: Names["record"], { columns }: TableDescription, remedies: Remedies): Finding[] {
  const { table, columns: c } = record;
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
    ...mending(remedies.retype(record, "record", name)),
  }));
}
