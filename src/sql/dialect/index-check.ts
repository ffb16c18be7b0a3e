import type { Finding } from "../../core/contract/upkeep/finding.ts";
import { type Names, type TableNames, unquoted } from "./names.ts";
import { keyOf, type Remedies, type Table } from "./remedies.ts";
import { applying, type DescribedTables, type IndexRow, type TableDescription } from "./table-check.ts";

/** Looks for the indexes that the statements need, and for such as are in their way. `folder` of the package has the tables. */
export function checkIndexes(
  names: Names,
  described: DescribedTables,
  folder: string,
  remedies: Remedies,
): Finding[] {
  const { record, step } = names;
  const apply = applying(folder);
  const { expiresAt, lockedUntil } = record.columns;
  return [
    ...checkKey(names, "record", described.record, apply, remedies),
    ...checkKey(names, "step", described.step, apply, remedies),
    ...checkUnique(record, described.record, [record.columns.id], identityOf(record)),
    ...checkUnique(step, described.step, [step.columns.recordId, step.columns.name]),
    ...checkIndex(names, described.record, expiresAt, `prune() reads the whole table: ${apply}`, remedies),
    ...checkIndex(
      names,
      described.record,
      lockedUntil,
      `completers read the whole table: ${apply}`,
      remedies,
    ),
  ];
}

function checkKey(
  names: Names,
  which: Table,
  { columns, indexes }: TableDescription,
  apply: string,
  remedies: Remedies,
): Finding[] {
  const key = keyOf(names, which);
  const { table } = names[which];
  const found = new Set(columns.map(({ name }) => name));
  const isComplete = Object.values<string>(names[which].columns).every((column) =>
    found.has(unquoted(column)),
  );
  const isKeyed = indexes.some(
    (index) => Boolean(index.isUnique) && sameColumns(index.columns.split(","), key.map(unquoted)),
  );
  // Of what lacks columns, these are to be told first.
  if (!isComplete || isKeyed) {
    return [];
  }
  const message = `No unique index is on (${key.join(", ")}), so nothing keeps two runs apart: ${apply}.`;
  return [
    { severity: "fatal", subject: `primary key of ${table}`, message, remedy: remedies.addKey(names, which) },
  ];
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

function checkIndex(
  { record }: Names,
  { columns, indexes }: TableDescription,
  column: string,
  consequence: string,
  remedies: Remedies,
): Finding[] {
  if (columns.length === 0 || indexes.some((index) => index.columns.split(",")[0] === unquoted(column))) {
    return [];
  }
  return [
    {
      severity: "warning",
      subject: `column ${column} of ${record.table}`,
      message: `No index begins with it, so ${consequence}.`,
      remedy: [remedies.createIndex(record, column)],
    },
  ];
}
