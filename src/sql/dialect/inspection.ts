import type { Names, QuoteMark, TableNames } from "./names.ts";
import { INSPECTED_ROW, type RecordAndSteps, selected, type Write } from "./statement.ts";

interface Inspecting {
  /** The parameter that is the record's id. */
  readonly id: string;
  readonly now: string;
  /** A time in milliseconds since 1970. */
  readonly ms: (time: string) => string;
  readonly mark: QuoteMark;
}

/** Reads a record and its steps, whatever has become of it. */
export function inspecting(names: Names, { id, now, ms, mark }: Inspecting): RecordAndSteps<string> {
  const { record, step } = names;
  const c = record.columns;
  const s = step.columns;
  const times = [
    [c.createdAt, "claimedAtMs"],
    [c.completedAt, "finishedAtMs"],
    [c.expiresAt, "expiresAtMs"],
    [c.lockedUntil, "leasedUntilMs"],
    [now, "nowMs"],
  ].map(([time = "", name]) => `${ms(time)} AS ${mark}${name}${mark}`);
  return {
    record: `SELECT ${selected(names, INSPECTED_ROW, mark)}, ${times.join(", ")} FROM ${record.table} WHERE ${c.id} = ${id}`,
    steps: `SELECT s.${s.name} AS name, s.${s.response} AS response, ${ms(`s.${s.createdAt}`)} AS ${mark}recordedAtMs${mark}
FROM ${step.table} AS s JOIN ${record.table} AS r ON r.${c.id} = s.${s.recordId} AND r.${c.createdAt} = s.${s.recordCreatedAt}
WHERE r.${c.id} = ${id} ORDER BY s.${s.createdAt}, s.${s.name}`,
  };
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
