import type { CheckedLimits } from "../core/contract/store.ts";
import type { Finding } from "../core/contract/upkeep/finding.ts";
import { UNPRUNED_MS_MAX } from "../core/contract/upkeep/pruning.ts";
import type { Dialect } from "../sql/dialect/dialect.ts";
import { explaining } from "../sql/dialect/faults.ts";
import { checkIndexes } from "../sql/dialect/index-check.ts";
import type { Names } from "../sql/dialect/names.ts";
import type { Statement } from "../sql/dialect/statement.ts";
import {
  type ColumnRow,
  checkTables,
  type HurdleRow,
  type IndexRow,
  type TableDescription,
} from "../sql/dialect/table-check.ts";
import { folderOf } from "../sql/dialects.ts";
import type { SqlClient } from "../sql/sql-client.ts";
import { trySetUp } from "../sql/trial/try-set-up.ts";
import { lackingMembersOf, versionOf } from "./client/private-members.ts";

/** Looks at the tables, the server and the client, and then tries what a run does. Leaves nothing behind. */
export async function checkSetUp(
  client: object,
  sql: SqlClient,
  dialect: Dialect,
  names: Names,
  limits: CheckedLimits,
): Promise<Finding[]> {
  const rowsOf = <TRow>(statement: Statement) => explaining(dialect, sql.rowsOf<TRow>(statement));
  const describe = async (table: string): Promise<TableDescription> => ({
    columns: await rowsOf<ColumnRow>(dialect.columnsOf(table)),
    indexes: await rowsOf<IndexRow>(dialect.indexesOf(table)),
    hurdles: await rowsOf<HurdleRow>(dialect.hurdlesOf(table)),
  });
  const [record, step] = [await describe(names.record.table), await describe(names.step.table)];
  const [server] = await rowsOf<ServerRow>(dialect.server());
  const described = { record, step };
  const findings = [
    ...checkTables(names, described, folderOf(dialect), dialect.remedies),
    ...(dialect.findings?.(names, { ...described, server: server && { ...server }, ...limits }) ?? []),
    // An index may need the collation that a finding before it brings.
    ...checkIndexes(names, described, folderOf(dialect), dialect.remedies),
    ...checkServer(server),
    ...checkClient(client),
  ];
  // What is known to fail says no more when it is tried.
  const isFatal = findings.some(({ severity }) => severity === "fatal");
  if (isFatal) {
    return findings;
  }
  const [oldest] = await rowsOf<OldestRow>(dialect.upkeep.oldest(names));
  const tried = await trySetUp(sql, { dialect, names, described }, String(server?.grantee));
  return [...findings, ...checkPruned(names, oldest), ...tried];
}

interface OldestRow {
  readonly expiresAtMs: number | bigint | string | null;
  readonly nowMs: number | bigint | string;
}

function checkPruned({ record }: Names, oldest: OldestRow | undefined): Finding[] {
  const agoMs = Number(oldest?.nowMs) - Number(oldest?.expiresAtMs ?? oldest?.nowMs);
  if (!(agoMs > UNPRUNED_MS_MAX)) {
    return [];
  }
  const message =
    `Its oldest record expired ${Math.floor(agoMs / UNPRUNED_MS_MAX)} days ago and was not deleted: nobody prunes. Call prune() at ` +
    "intervals, or startPruning() in a server that lives long.";
  return [{ severity: "warning", subject: record.table, message }];
}

const CLOCKS_MS_MAX = 60_000;

function checkServer(server: ServerRow | undefined): Finding[] {
  const findings: Finding[] = [];
  if (server === undefined) {
    return findings;
  }
  if (server.readOnly) {
    const message =
      "It takes no writes: it is a standby, or read-only by its settings. Connect to the primary.";
    findings.push({ severity: "fatal", subject: "database server", message });
  }
  const apartMs = Math.abs(Number(server.nowMs) - Date.now());
  if (apartMs > CLOCKS_MS_MAX) {
    const message =
      `It is ${Math.round(apartMs / 1_000)} s apart from this process. Leases and retention go by the database's clock alone; ` +
      "times in logs do not fit together.";
    findings.push({ severity: "warning", subject: "clock of the database server", message });
  }
  return findings;
}

interface ServerRow {
  readonly readOnly: boolean | number | bigint;
  readonly nowMs: number | bigint;
  readonly grantee?: string;
}

function checkClient(client: object): Finding[] {
  const findings: Finding[] = lackingMembersOf(client).map(({ member, consequence }) => ({
    severity: "warning",
    subject: `Prisma ${versionOf(client) ?? "of an unknown version"}`,
    message: `It has no ${member}, so ${consequence}. Use a version that onceonly supports: 6.19, or 7.10 or later.`,
  }));
  const version = versionOf(client);
  if (version !== undefined && !SUPPORTED.test(version)) {
    const message = "It is not a version that onceonly is tested with: 6.19, or 7.10 or later.";
    findings.push({ severity: "warning", subject: `Prisma ${version}`, message });
  }
  return findings;
}

const SUPPORTED = /^(6\.19|7\.\d{2,})\./;
