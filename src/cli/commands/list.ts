import { type Command, Option } from "commander";
import { pastedKey } from "../../core/browser/key-header.ts";
import type { Idempotency } from "../../core/contract/idempotency.ts";
import type { ListedRecord, ListOptions, RecordPage } from "../../core/contract/upkeep/listing.ts";
import type { Answer } from "../answer.ts";
import { when, whole } from "../options/arguments.ts";
import { type Cell, columns, shown } from "../terminal/text.ts";
import { TIME_FORMS, toSecond } from "../terminal/times.ts";
import { onApplication, withExamples } from "./application-command.ts";
import { orNulls, STATE_STYLES, stateOf } from "./states.ts";

interface ListFlags {
  readonly operation?: string;
  readonly scope?: string;
  readonly key?: string;
  readonly state?: NonNullable<ListOptions["state"]>;
  readonly since?: Date;
  readonly before?: Date;
  readonly limit: number;
  readonly after?: string;
}

const LIMIT_MAX = 1_000;

/** `onceonly list` */
export function registerList(program: Command): void {
  const command = program
    .command("list")
    .summary("lists records")
    .description(
      "Lists records, those that expire last first, which are the newest where there is one retention.",
    )
    .option("--operation <name>", "of this operation")
    .option("--scope <scope>", "of this scope")
    .option("--key <key>", "of this key")
    .addOption(
      new Option("--state <state>", "in this state").choices([
        "in_progress",
        "abandoned",
        "completed",
        "failed",
      ]),
    )
    .option("--since <when>", `claimed since: ${TIME_FORMS}`, when)
    .option("--before <when>", "claimed before, in the same words", when)
    .option("--limit <count>", `how many, up to ${LIMIT_MAX}`, whole(1, LIMIT_MAX), 50)
    .option("--after <cursor>", "goes on where a list ended");
  withExamples(
    onApplication(command, listed),
    "list --operation orders.place --state failed --since 2h",
    "list --key 8e03978e-40d5 --json",
  );
}

/** What `onceonly list` answers. */
export async function listed(idempotency: Idempotency<unknown>, flags: ListFlags): Promise<Answer> {
  const { records, next } = await found(idempotency, flags);
  return {
    lines: [...table(records), ...(next === undefined ? [] : ["", `There may be more: --after ${next}`])],
    json: { records: records.map(orNulls), next: next ?? null },
  };
}

/** One page of the interface may hold fewer than were asked for, and still have a next one. */
async function found(idempotency: Idempotency<unknown>, flags: ListFlags): Promise<RecordPage> {
  const { since, before, limit, after, operation, scope, key, state } = flags;
  const filter: ListOptions = {
    ...(operation === undefined ? {} : { operation }),
    ...(scope === undefined ? {} : { scope }),
    ...(key === undefined ? {} : { key: pastedKey(key) }),
    ...(state === undefined ? {} : { state }),
    ...(since === undefined ? {} : { claimedFrom: since }),
    ...(before === undefined ? {} : { claimedBefore: before }),
  };
  const records: ListedRecord[] = [];
  let next = after;
  do {
    const page = await idempotency.list({
      ...filter,
      limit: limit - records.length,
      ...(next === undefined ? {} : { after: next }),
    });
    records.push(...page.records);
    next = page.next;
  } while (next !== undefined && records.length < limit);
  return { records, next };
}

function table(records: readonly ListedRecord[]): string[] {
  if (records.length === 0) {
    return ["No records."];
  }
  const head = ["STATE", "CLAIMED", "OPERATION", "SCOPE", "KEY"].map(
    (text): Cell => ({ text, style: "bold" }),
  );
  return columns([head, ...records.map(row)]);
}

function row(record: ListedRecord): readonly Cell[] {
  const { claimedAt, operation, scope, key, state } = record;
  return [
    { text: stateOf(record), style: STATE_STYLES[state] },
    { text: toSecond(claimedAt) },
    ...[operation, scope, key].map((text) => ({ text: shown(text) })),
  ];
}
