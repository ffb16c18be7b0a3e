import type { Command } from "commander";
import type { Idempotency } from "../../core/contract/idempotency.ts";
import type { OperationCounts, TableStats } from "../../core/contract/upkeep/listing.ts";
import type { Answer } from "../answer.ts";
import { when } from "../options/arguments.ts";
import { type Cell, columns, shown } from "../terminal/text.ts";
import { relative, TIME_FORMS, toSecond } from "../terminal/times.ts";
import { onApplication, withExamples } from "./application-command.ts";
import { orNulls } from "./states.ts";

interface StatsFlags {
  readonly since?: Date;
}

/** `stats()` does not count further. */
const EXPIRED_MAX = 100_000;
const DAY_MS = 86_400_000;

/** `onceonly stats` */
export function registerStats(program: Command): void {
  const command = program
    .command("stats")
    .summary("tells the state of the tables, and counts records by operation")
    .description(
      "Tells how the tables are, and how many records each operation has claimed in the last 24 hours.",
    )
    .option("--since <when>", `counts records claimed since: ${TIME_FORMS}`, when);
  withExamples(onApplication(command, counted), "stats", "stats --since 7d --json");
}

/** What `onceonly stats` answers. */
export async function counted(
  idempotency: Idempotency<unknown>,
  { since: given }: StatsFlags,
): Promise<Answer> {
  const tables = await idempotency.stats();
  const since = given ?? new Date(tables.now.getTime() - DAY_MS);
  const operations = await idempotency.countByOperation({ since });
  return {
    lines: [
      ...columns(tableRows(tables)),
      "",
      `claimed since ${toSecond(since)}`,
      ...operationLines(operations),
    ],
    json: { tables: orNulls(tables), since, operations },
  };
}

function tableRows({ inProgress, abandoned, expired, oldestExpiredAt, bytes, now }: TableStats): Cell[][] {
  const count = `${expired === EXPIRED_MAX ? "at least " : ""}${numberText(expired)}`;
  const oldest =
    oldestExpiredAt === undefined
      ? ""
      : `, the oldest ${toSecond(oldestExpiredAt)} ${relative(oldestExpiredAt, now)}`;
  const rows: (readonly [string, string])[] = [
    ["leased runs in progress", `${numberText(inProgress)}, ${numberText(abandoned)} of them abandoned`],
    ["expired, not pruned", `${count}${oldest}`],
    ["size", bytes === undefined ? "not told by this database" : `${bytesText(bytes)}, indexes included`],
    ["the database's clock", toSecond(now)],
  ];
  return rows.map(([name, text]) => [{ text: name }, { text }]);
}

function operationLines(operations: readonly OperationCounts[]): string[] {
  if (operations.length === 0) {
    return ["  none"];
  }
  const head = ["OPERATION", "COMPLETED", "FAILED", "IN PROGRESS"].map(
    (text, index): Cell => ({ text, style: "bold", ...(index > 0 && { align: "right" }) }),
  );
  const rows = operations.map(({ operation, completed, failed, inProgress }): Cell[] => [
    { text: shown(operation) },
    ...[completed, failed, inProgress].map((count): Cell => ({ text: numberText(count), align: "right" })),
  ]);
  return columns([head, ...rows]).map((line) => `  ${line}`);
}

const numberText = (count: number): string => count.toLocaleString("en");

function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  const amount = bytes / 1_000 ** power;
  return `${power === 0 ? amount : amount.toFixed(1)} ${units[power] ?? ""}`;
}
