import type { Finding } from "../../core/contract/upkeep/finding.ts";
import type { ColumnKind, Dialect } from "../dialect/dialect.ts";
import { type Names, type TableNames, unquoted } from "../dialect/names.ts";
import { mending, type TableDescription } from "../dialect/table-check.ts";
import type { Symptom, Table, Trial } from "./trial.ts";

/** What the trial was about. */
export interface Tried {
  readonly dialect: Dialect;
  readonly names: Names;
  readonly described: { readonly record: TableDescription; readonly step: TableDescription };
}

const TIMES = ["lockedUntil", "createdAt", "completedAt", "expiresAt", "recordCreatedAt"];

const kindOf = (field: string): ColumnKind =>
  field === "attempt" ? "number" : TIMES.includes(field) ? "time" : "text";

export function findingOfSymptom(symptom: Symptom, tried: Tried): Finding {
  const { table } = symptom;
  const name = tried.names[table].table;
  switch (symptom.kind) {
    case "shared":
      return {
        severity: "fatal",
        subject: `table ${name}`,
        message:
          "Records with different keys, operations or scopes are taken for one: drop each unique index but the primary key.",
      };
    case "undeleted":
      return {
        severity: "warning",
        subject: `table ${name}`,
        message:
          "A row outlives its DELETE, so prune() deletes nothing: exempt the table from what keeps it, such as a trigger or a rule.",
      };
    default: {
      const column = columnOf(tried, table, symptom.field);
      const said = `${SAID[symptom.kind]}, and it is ${article(column.type)}: make it ${article(column.should)}.`;
      const message = column.fits
        ? `${SAID[symptom.kind]}. Compare its type, ${column.type}, its collation and its constraints with those of the package.`
        : said;
      const { remedies } = tried.dialect;
      const remedy = column.fits
        ? undefined
        : remedies.retype(tried.names[table], table, unquoted(column.name));
      return { severity: "fatal", subject: `column ${column.name} of ${name}`, message, ...mending(remedy) };
    }
  }
}

const SAID = {
  changed: "What is written there comes back changed, and retries and completers go by it",
  lapsed: "A time there is over before it should be, so that a key is executed again",
  merged: "It takes different names of steps for the same",
};

/** A statement that failed in `trial`, with what the database has said. */
export function findingOfFailure(words: string, trial: Trial, isWide: boolean, tried: Tried): Finding {
  const { table, isDeleting } = trial;
  const said = /[.!?]$/.test(words) ? words : `${words}.`;
  const consequence = isWide
    ? "Not each text of Unicode can be stored there, and a run with another fails"
    : isDeleting
      ? "prune() fails there"
      : isReference(words)
        ? "A record of a made-up name cannot be stored there, so no more was tried"
        : "A run fails there";
  return {
    severity: isWide || isDeleting || isReference(words) ? "warning" : "fatal",
    subject: `table ${tried.names[table].table}`,
    message: [`${consequence}: ${said}`, ...otherTypes(tried, table)].join(" "),
  };
}

/** To another table of the application: it may hold for the names of real runs. */
const isReference = (words: string) => /foreign key constraint/i.test(words);

/** What the failure of a statement may come from. */
function otherTypes(tried: Tried, table: Table): string[] {
  const columns: TableNames["columns"] = tried.names[table].columns;
  return Object.keys(columns)
    .map((field) => columnOf(tried, table, field))
    .filter(({ fits }) => !fits)
    .map(({ name, type, should }) => `Column ${name} is ${article(type)}: make it ${article(should)}.`);
}

function columnOf({ dialect, names, described }: Tried, table: Table, field: string) {
  const columns: Readonly<Record<string, string>> = names[table].columns;
  const name = columns[field] ?? field;
  const { type = "" } = described[table].columns.find((column) => column.name === unquoted(name)) ?? {};
  const { fits, should } = dialect.columnTypes[kindOf(field)];
  return { name, type, should, fits: fits.test(type) };
}

const article = (type: string) => `${/^[aeiou]/i.test(type) ? "an" : "a"} ${type}`;
