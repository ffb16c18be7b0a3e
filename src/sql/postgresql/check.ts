import type { Finding } from "../../core/contract/finding.ts";
import type { Examined } from "../dialect/dialect.ts";
import type { Names } from "../dialect/names.ts";
import type { TableDescription } from "../dialect/table-check.ts";

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
    ...checkServer(server),
  ];
}

/** https://www.postgresql.org/docs/current/sql-createtable.html: an unlogged table is truncated after a crash. */
function checkPersistence(table: string, { columns: [column] }: TableDescription): Finding[] {
  const message =
    "It is unlogged or temporary: a crash empties it, and the retry of what was acknowledged executes again. " +
    `ALTER TABLE ${table} SET LOGGED.`;
  return column?.isVolatile === true ? [{ severity: "fatal", subject: `table ${table}`, message }] : [];
}

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
