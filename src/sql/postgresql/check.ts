import type { Finding } from "../../core/contract/upkeep/finding.ts";
import type { Dialect, Examined } from "../dialect/dialect.ts";
import { type Names, unquoted } from "../dialect/names.ts";
import type { Table } from "../dialect/remedies.ts";
import { mending, type TableDescription } from "../dialect/table-check.ts";
import { remediesOfPostgresql } from "./tables.ts";

/**
 * Engines that speak PostgreSQL's protocol and are not PostgreSQL, by what they say of their version. What would have to be
 * otherwise for each stands in docs/engines.md.
 */
const OTHERS: Readonly<Record<string, RegExp>> = {
  CockroachDB: /CockroachDB/,
  YugabyteDB: /-YB-/,
  "Amazon Redshift": /Redshift/,
  CrateDB: /CrateDB/,
  Materialize: /Materialize/,
};

/** https://www.postgresql.org/support/versioning/: the oldest that was supported when this was written. */
const OLDEST = 14;

/** The row of the server has its `version` as `version()` says it. */
export function findingsOfPostgresql(names: Names, { record, step, server }: Examined): readonly Finding[] {
  return [
    ...checkPersistence(names.record.table, record),
    ...checkPersistence(names.step.table, step),
    ...checkTimes(names, "record", record),
    ...checkTimes(names, "step", step),
    ...checkServer(server),
  ];
}

/** https://www.postgresql.org/docs/current/sql-createtable.html: an unlogged table is truncated after a crash. */
function checkPersistence(table: string, { columns: [column] }: TableDescription): Finding[] {
  const message =
    "It is unlogged or temporary: a crash empties it, and the retry of what was acknowledged executes again. " +
    `ALTER TABLE ${table} SET LOGGED.`;
  const remedy = [`ALTER TABLE ${table} SET LOGGED`];
  return column?.isVolatile === true
    ? [{ severity: "fatal", subject: `table ${table}`, message, remedy }]
    : [];
}

/** Less than milliseconds, or no date at all: leases end early, and the steps of an earlier record are taken for those of a later. */
function checkTimes(names: Names, which: Table, { columns: present }: TableDescription): Finding[] {
  const { table, columns } = names[which];
  const ours = Object.values<string>(columns).map(unquoted);
  return present
    .filter(({ name, type }) => ours.includes(name) && /^(?:date|time)/.test(type) && !TIME.test(type))
    .map(({ name, type }) => ({
      severity: "fatal",
      subject: `column ${name} of ${table}`,
      message: `It is a ${type}, too coarse for leases and retention: make it a timestamptz(3).`,
      ...mending(remediesOfPostgresql.retype(names[which], which, name)),
    }));
}

const TIME = /^timestamp(?:\([3-6]\))? with/;

export const columnTypesOfPostgresql: Dialect["columnTypes"] = {
  text: { should: "text", fits: /^(?:text|character varying)/ },
  number: { should: "integer", fits: /^(?:integer|bigint)$/ },
  time: { should: "timestamptz(3)", fits: TIME },
};

function checkServer(server: Examined["server"]): Finding[] {
  const version = String(server?.["version"]);
  const other = Object.entries(OTHERS).find(([, pattern]) => pattern.test(version))?.[0];
  if (other !== undefined) {
    const message =
      `It is ${other}, on which the promise has not been tried: duplicates may meet a conflict where PostgreSQL has them wait. ` +
      "Use PostgreSQL, or one of the engines that docs/engines.md calls supported.";
    return [{ severity: "fatal", subject: "database server", message }];
  }
  const major = Number(/^PostgreSQL (\d+)/.exec(version)?.[1] ?? OLDEST);
  if (major < OLDEST) {
    const message = `It is PostgreSQL ${major}, which gets no fixes any more, and on which nothing was tried. Use ${OLDEST} or later.`;
    return [{ severity: "warning", subject: "database server", message }];
  }
  return [];
}
