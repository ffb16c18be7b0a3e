import type { RewriteParams } from "../../../core/contract/upkeep/upkeep-store.ts";
import type { Names, QuoteMark, TableNames } from "../names.ts";
import { RECORD_FACTS_ROW, type RecordAndSteps, selected, type Write } from "../statement.ts";

/** How a database reads its clock and writes times. */
export interface Reading {
  /** Its clock. */
  readonly now: string;
  /** A time in milliseconds since 1970. */
  readonly ms: (time: string) => string;
  readonly mark: QuoteMark;
}

/** Reads a record and its steps, whatever has become of it. `id` is the parameter that is the record's id. */
export function inspecting(names: Names, id: string, reading: Reading): RecordAndSteps<string> {
  const { record, step } = names;
  const c = record.columns;
  const s = step.columns;
  const { ms, mark } = reading;
  return {
    record: `SELECT ${facts(names, reading)}, ${selected(names, ["response", "input"], mark)} FROM ${record.table} WHERE ${c.id} = ${id}`,
    steps: `SELECT s.${s.name} AS name, s.${s.response} AS response, ${ms(`s.${s.createdAt}`)} AS ${mark}recordedAtMs${mark}
FROM ${step.table} AS s JOIN ${record.table} AS r ON r.${c.id} = s.${s.recordId} AND r.${c.createdAt} = s.${s.recordCreatedAt}
WHERE r.${c.id} = ${id} ORDER BY s.${s.createdAt}, s.${s.name}`,
  };
}

/** The list for a SELECT that reads `RecordFactsRow`s. */
export function facts(names: Names, { now, ms, mark }: Reading): string {
  const c = names.record.columns;
  const times = [
    [c.createdAt, "claimedAtMs"],
    [c.completedAt, "finishedAtMs"],
    [c.expiresAt, "expiresAtMs"],
    [c.lockedUntil, "leasedUntilMs"],
    [now, "nowMs"],
  ].map(([time = "", name]) => `${ms(time)} AS ${mark}${name}${mark}`);
  return `${selected(names, RECORD_FACTS_ROW, mark)}, ${times.join(", ")}`;
}

/** A record that no lease holds: it has none, gave it back, or let it lapse. */
export function whereUnleased(c: TableNames<"record">["columns"], id: string, now: string): string {
  return `${c.id} = ${id} AND (${c.lockedUntil} IS NULL OR ${c.lockedUntil} <= ${now} OR ${c.owner} = '')`;
}

/** Deletes all steps of the id of a record. */
export function forgettingSteps({ step }: Names, id: string): string {
  return `DELETE FROM ${step.table} WHERE ${step.columns.recordId} = ${id}`;
}

/** A statement about a record and one about its steps, both with its id as their only value. */
export function ofId({ record, steps }: RecordAndSteps<string>, id: string): RecordAndSteps<Write> {
  return { record: { text: record, values: [id] }, steps: { text: steps, values: [id] } };
}

/** Locks the row it changes. A run that ends meanwhile writes another text, and then nothing is changed. */
export function rewriting(
  { record, step }: Names,
  { id, column, from, to }: RewriteParams,
  parameter: (number: number) => string,
): Write {
  const [p1, p2, p3, p4] = [1, 2, 3, 4].map(parameter);
  if (typeof column === "object") {
    const s = step.columns;
    return {
      text: `UPDATE ${step.table} SET ${s.response} = ${p1} WHERE ${s.recordId} = ${p2} AND ${s.response} = ${p3} AND ${s.name} = ${p4}`,
      values: [to, id, from, column.step],
    };
  }
  const c = record.columns;
  return {
    text: `UPDATE ${record.table} SET ${c[column]} = ${p1} WHERE ${c.id} = ${p2} AND ${c[column]} = ${p3}`,
    values: [to, id, from],
  };
}
