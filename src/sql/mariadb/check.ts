import type { Finding } from "../../core/contract/upkeep/finding.ts";
import type { Dialect, Examined, ServerMake } from "../dialect/dialect.ts";
import { type Names, unquoted } from "../dialect/names.ts";
import type { Table } from "../dialect/remedies.ts";
import { type ColumnRow, mending, type TableDescription } from "../dialect/table-check.ts";
import { remediesOfMariadb } from "./tables.ts";

const SUPPORTED = "MariaDB 10.6 or later";

/** MySQL speaks the same protocol, and Prisma calls both by its name. */
export const makeOfMariadb: ServerMake = {
  // A SELECT would wait, on a node that is cut off from its cluster, for what it cannot get.
  statement: { text: "SHOW VARIABLES WHERE variable_name IN ('version', 'wsrep_on')", values: [] },

  describe: (said) => ({
    reasonAgainst: reasonAgainst(String(said.get("version"))),
    conflictsAtCommit: said.get("wsrep_on") === "ON",
  }),
};

function reasonAgainst(version: string): string | undefined {
  if (!/mariadb/i.test(version)) {
    return (
      `The database server calls itself version ${version}, which is not MariaDB: MySQL, and what only speaks its protocol, is ` +
      `not supported. Use ${SUPPORTED}, or PostgreSQL.`
    );
  }
  // Some put the version of a protocol before their own: 5.5.5-10.11.6-MariaDB.
  const [, major, minor] = /(?:^|-)(\d+)\.(\d+)\.\d+-MariaDB/i.exec(version) ?? [];
  return Number(major) > 10 || (Number(major) === 10 && Number(minor) >= 6)
    ? undefined
    : `The database server is of version ${version}; onceonly needs ${SUPPORTED}.`;
}

/** What Prisma's schema cannot say of the tables, and what of the server can get in the way. */
export function findingsOfMariadb(names: Names, examined: Examined): Finding[] {
  const { record, step } = names;
  const { record: ofRecord, step: ofStep, server, resultBytesMax } = examined;
  const ofColumns = (which: Table, checked: readonly string[], requirement: Requirement) =>
    checkColumns(names, which, examined[which], checked, requirement);
  const { columns: c } = record;
  const { columns: s } = step;
  const texts = [c.id, c.fingerprint, c.owner, c.status];
  return [
    ...ofColumns("record", texts, BINARY),
    ...ofColumns("step", [s.recordId], BINARY),
    ...ofColumns("step", [s.name], EXACT),
    ...ofColumns("record", [c.response, c.input], LONG),
    ...ofColumns("step", [s.response], LONG),
    ...ofColumns("record", [c.lockedUntil, c.createdAt, c.expiresAt, c.completedAt], TIME),
    ...ofColumns("step", [s.recordCreatedAt], TIME),
    ...checkEngine(record.table, ofRecord),
    ...checkEngine(step.table, ofStep),
    ...checkPacket(server, resultBytesMax),
    ...checkCluster(server),
  ];
}

/** What the type of a column must match, its collation included, and what comes of it if it does not. */
interface Requirement {
  readonly pattern: RegExp;
  readonly message: (type: string, table: string) => string;
  /** Whether what mends it is about the whole table. */
  readonly isOfTable?: boolean;
}

/** Of all columns of the table at once. Prisma's schema cannot say it. */
const REMEDY = (table: string) =>
  `ALTER TABLE ${table} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin`;

const BINARY: Requirement = {
  pattern: /_bin$|binary/i,
  message: (type, table) => `It is a ${type}, which takes different texts for the same: ${REMEDY(table)}.`,
  isOfTable: true,
};
const EXACT: Requirement = {
  pattern: /_nopad_bin$|varbinary/i,
  message: (type, table) =>
    `It is a ${type}, which takes names for the same that differ by case, accents or spaces at their end: ${REMEDY(table)}.`,
  isOfTable: true,
};
const LONG: Requirement = {
  pattern: /^(?:long|medium)/i,
  message: (type) => `It is a ${type}, too short for what is to be stored there: make it a longtext.`,
};
const TIME: Requirement = {
  pattern: /^datetime\([3-6]\)/i,
  message: (type) =>
    `It is a ${type}: a timestamp shifts between sessions in different time zones, and less than milliseconds are too coarse. ` +
    "Make it a datetime(3).",
};

export const columnTypesOfMariadb: Dialect["columnTypes"] = {
  text: { should: "longtext, or varchar as in prisma/mariadb/idempotency.sql", fits: /char|text/i },
  number: { should: "int", fits: /^(?:int|bigint)/i },
  time: { should: "datetime(3)", fits: TIME.pattern },
};

function checkColumns(
  names: Names,
  which: Table,
  { columns }: TableDescription,
  checked: readonly string[],
  { pattern, message, isOfTable }: Requirement,
): Finding[] {
  const { table } = names[which];
  const named = checked.map(unquoted);
  return columns
    .filter(({ name, type }: ColumnRow) => named.includes(name) && !pattern.test(type))
    .map(({ name, type }) => ({
      severity: "fatal",
      subject: `column ${name} of ${table}`,
      message: message(type, table),
      ...mending(isOfTable ? [REMEDY(table)] : remediesOfMariadb.retype(names[which], which, name)),
    }));
}

function checkEngine(table: string, { columns: [column] }: TableDescription): Finding[] {
  const engine = column?.engine ?? "InnoDB";
  const remedy = `ALTER TABLE ${table} ENGINE = InnoDB`;
  return engine === "InnoDB"
    ? []
    : [
        {
          severity: "fatal",
          subject: `table ${table}`,
          message: `Its engine is ${engine}, which has no transactions: ${remedy}.`,
          remedy: [remedy],
        },
      ];
}

/** A statement holds more than the result, and as a text it may be twice as long. */
const OVERHEAD_BYTES = 65_536;

function checkPacket(server: Examined["server"], resultBytesMax: number): Finding[] {
  const packetBytesMax = Number(server?.["packetBytesMax"] ?? Infinity);
  const needed = 2 * resultBytesMax + OVERHEAD_BYTES;
  return packetBytesMax >= needed
    ? []
    : [
        {
          severity: "warning",
          subject: "max_allowed_packet of the database server",
          message:
            `It is ${packetBytesMax} bytes. A result of resultBytesMax (${resultBytesMax}) bytes may need ${needed}: the server would ` +
            "refuse to store it, and close the connection. Raise the one, or lower the other.",
        },
      ];
}

function checkCluster(server: Examined["server"]): Finding[] {
  if (!server?.["isCluster"] || (Number(server["syncWait"]) & 1) === 1) {
    return [];
  }
  return [
    {
      severity: "warning",
      subject: "wsrep_sync_wait of the sessions",
      message:
        "The server is a node of a Galera cluster, where what one node has committed others show only later: a retry there may " +
        "execute its handler, which is then undone. Set wsrep_sync_wait = 1 in the configuration of each node.",
    },
  ];
}
