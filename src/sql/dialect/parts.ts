import type { ClaimParams, GiveBackParams } from "../../core/contract/store.ts";
import type { Names, TableNames } from "./names.ts";

/**
 * Parts of statements that are the same in every SQL: lists of columns, and conditions. The dialect passes its own
 * placeholders, clock and table alias.
 */

type Columns = TableNames<"record">["columns"];

const common = (c: Columns) =>
  `${c.id}, ${c.scope}, ${c.operation}, ${c.key}, ${c.fingerprint}, ${c.owner}, ${c.status}, ${c.attempt}, ${c.createdAt}`;

/** The columns that a claim writes, in the order of its values. */
export function claimedColumns(c: Columns): string {
  return `${common(c)}, ${c.expiresAt}, ${c.lockedUntil}, ${c.input}`;
}

/** How long after its claim a record expires: a lease that is not renewed ends with `leaseMs`, and the retention follows. */
export function claimedForMs({ retentionMs, leaseMs }: Pick<ClaimParams, "retentionMs" | "leaseMs">): number {
  return retentionMs + (leaseMs ?? 0);
}

/** The claim of this owner, if it is still under way. */
export function whereHeldBy(c: Columns, id: string, owner: string): string {
  return `${c.id} = ${id} AND ${c.owner} = ${owner} AND ${c.status} = 'in_progress'`;
}

/** Takes back the attempt that a claim has counted, where it was none. */
export function untried(c: Columns, { isUntried = false }: GiveBackParams): string {
  return isUntried ? `, ${c.attempt} = ${c.attempt} - 1` : "";
}

/**
 * A row that a claim with this fingerprint may take over: nobody holds it, and it is expired or left behind by a run with the
 * same input. A run in progress that has no lease holds its row by the lock of its transaction: who sees such a row as
 * committed has waited for the end of that transaction, which the handler itself must have committed.
 */
export function whereFree(c: Columns, now: string, fingerprint: string, row = ""): string {
  const lockedUntil = row + c.lockedUntil;
  return `((${lockedUntil} IS NULL OR ${lockedUntil} <= ${now} OR ${row}${c.owner} = '') AND (${row}${c.expiresAt} <= ${now}
    OR (${row}${c.status} = 'in_progress' AND ${row}${c.fingerprint} = ${fingerprint})))`;
}

/** A record that a claim would replay. */
export function whereReplayable(c: Columns, now: string): string {
  return `${c.status} IN ('completed', 'failed') AND ${c.response} IS NOT NULL AND ${c.expiresAt} > ${now}`;
}

/** A record that a completer may claim, if it knows the operation. */
export function whereAbandoned(c: Columns, now: string): string {
  return `${c.lockedUntil} <= ${now} AND ${c.status} = 'in_progress' AND ${c.expiresAt} > ${now} AND ${c.input} IS NOT NULL`;
}

/** A record that may be pruned. */
export function whereExpired(c: Columns, now: string, row = ""): string {
  const lockedUntil = row + c.lockedUntil;
  return `${row}${c.expiresAt} <= ${now} AND (${lockedUntil} IS NULL OR ${lockedUntil} <= ${now})`;
}

/**
 * A step, in table `s`, whose record was deleted by hand: `prune` deletes both. None that is younger than `before`: its record may
 * have been claimed anew meanwhile.
 */
export function whereOrphaned({ record: { table, columns: c }, step }: Names, before: string): string {
  const { createdAt, recordId } = step.columns;
  return `s.${createdAt} <= ${before} AND NOT EXISTS (SELECT 1 FROM ${table} AS r WHERE r.${c.id} = s.${recordId})`;
}

/** All of the statement that reads the steps of a record, but not those of an expired one that had its id. */
export function selectedSteps({ record: { table, columns: c }, step }: Names, id: string): string {
  const s = step.columns;
  return `SELECT s.${s.name} AS name, s.${s.response} AS response FROM ${step.table} AS s
JOIN ${table} AS r ON r.${c.id} = s.${s.recordId} AND r.${c.createdAt} = s.${s.recordCreatedAt} WHERE r.${c.id} = ${id}`;
}
