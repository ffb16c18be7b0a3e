import type { Command } from "commander";
import type { Idempotency } from "../../core/contract/idempotency.ts";
import type { InspectedRecord, StoredValue } from "../../core/contract/upkeep/inspection.ts";
import type { Answer } from "../answer.ts";
import { type NameOptions, recordName, shownName, withRecordName } from "../options/record-name.ts";
import { type Cell, columns, shown, shownLines, styled } from "../terminal/text.ts";
import { duration, relative } from "../terminal/times.ts";
import { asJson, asText } from "../terminal/values.ts";
import { onApplication, withExamples } from "./application-command.ts";
import { orNulls, STATE_STYLES, stateOf } from "./states.ts";

/** `onceonly show` */
export function registerShow(program: Command): void {
  const command = withRecordName(
    program
      .command("show")
      .summary("shows what became of a key")
      .description(
        "Shows what became of a key: when it was executed, and the answer, the input and the steps that are stored. Code 1 if there " +
          "is no record.",
      ),
  );
  withExamples(
    onApplication(command, inspected, recordName),
    "show --operation orders.place --scope user-42 --key 8e03978e-40d5",
    "show --id m6ZVqEXcZXzXUYvMkaGtmYtpJxXTQlHHGrYcxAo2lEo",
  );
}

/** What `onceonly show` answers. */
export async function inspected(idempotency: Idempotency<unknown>, options: NameOptions): Promise<Answer> {
  const name = recordName(options);
  const record = await idempotency.inspect(name);
  if (record.state === "unknown") {
    return {
      lines: [
        `There is no record of ${shown(shownName(name))}.`,
        "It never arrived, its runs were rolled back, it was pruned, or its run is under way in one transaction.",
      ],
      json: record,
      isNo: true,
    };
  }
  return { lines: linesOf(record, new Date()), json: jsonOf(record) };
}

function jsonOf(record: InspectedRecord): object {
  const { answer, input, steps } = record;
  return orNulls({
    ...record,
    answer: storedJson(answer),
    input: storedJson(input),
    steps: steps.map((step) => ({ ...step, result: storedJson(step.result) })),
  });
}

const storedJson = (stored: StoredValue | undefined): unknown =>
  stored?.isReadable === true ? { isReadable: true, value: asJson(stored.value) } : stored;

function linesOf(record: InspectedRecord, now: Date): string[] {
  const { operation, scope, key, id, attempt, state, answer, input, steps } = record;
  const facts: (readonly [string, string])[] = [
    ["operation", operation],
    ["scope", scope],
    ["key", key],
    ["id", id],
    ["attempt", String(attempt)],
  ];
  return [
    styled(STATE_STYLES[state], stateOf(record)),
    ...columns(facts.map(([name, text]): Cell[] => [{ text: name }, { text: shown(text) }])),
    "",
    ...columns(timeline(record, now)),
    ...stored(state === "failed" ? "error" : "answer", answer),
    ...stored("input", input),
    ...steps.flatMap(({ name, result }) => stored(`step ${shown(name)}`, result)),
  ];
}

function timeline(record: InspectedRecord, now: Date): Cell[][] {
  const { claimedAt, finishedAt, expiresAt, leasedUntil, isAbandoned, isExpired, steps } = record;
  const since = (time: Date) => `after ${duration(time.getTime() - claimedAt.getTime())}`;
  const rows: (readonly [string, Date | undefined, string])[] = [
    ["claimed", claimedAt, relative(claimedAt, now)],
    ...steps.map(({ name, recordedAt }) => [`step ${shown(name)}`, recordedAt, since(recordedAt)] as const),
    ["finished", finishedAt, finishedAt === undefined ? "" : since(finishedAt)],
    [isAbandoned ? "lease lapsed" : "leased until", leasedUntil, leasedUntil && relative(leasedUntil, now)],
    [isExpired ? "expired" : "expires", expiresAt, relative(expiresAt, now)],
  ].filter((row): row is [string, Date, string] => row[1] !== undefined);
  return rows.map(([name, time, detail]) => [
    { text: name },
    { text: time?.toISOString() ?? "" },
    { text: detail },
  ]);
}

function stored(title: string, value: StoredValue | undefined): string[] {
  if (value === undefined) {
    return [];
  }
  const lines = value.isReadable
    ? asText(value.value).split("\n")
    : [`cannot be read by this process: ${shown(value.reason)}`, ...shownLines(value.text)];
  return ["", styled("bold", title), ...lines.map((line) => `  ${line}`)];
}
