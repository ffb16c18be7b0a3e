/** @jsxImportSource preact */
import type { VNode } from "preact";
import type { InspectedRecord } from "../../core/contract/upkeep/inspection.ts";
import { durationOf, numberOf, Stored, Time, type Tone, toneOf } from "./parts.tsx";

interface Moment {
  readonly what: string;
  /** What comes from the tables after it. */
  readonly name?: string;
  readonly at: Date | undefined;
  readonly tone?: Tone;
  /** How long after the claim. */
  readonly afterMs?: number;
  readonly more?: string;
}

/** Steps that are shown; there may be thousands. */
export const STEPS_MAX = 100;

/** What happened to a record, and what will, in the order in which it does. */
export function Timeline({ record }: { record: InspectedRecord }): VNode {
  return (
    <ol class="timeline">
      {momentsOf(record).map(({ what, name, at, tone, afterMs, more }) => (
        <li class={tone ?? ""}>
          <span class="what">
            {what}
            {name === undefined ? null : <Stored text={name} />}
          </span>
          <span class="after">{afterMs === undefined ? "" : `+${durationOf(afterMs)}`}</span>
          {at === undefined ? null : <Time at={at} />}
          {more === undefined ? null : <span class="more">{more}</span>}
        </li>
      ))}
    </ol>
  );
}

function momentsOf(record: InspectedRecord): readonly Moment[] {
  const { state, attempt, claimedAt, finishedAt, expiresAt, isExpired, steps } = record;
  const afterMs = (at: Date) => Math.max(0, at.getTime() - claimedAt.getTime());
  const unseen = steps.length - STEPS_MAX;
  const executions = `Execution ${attempt} has the record; of those before, the recorded steps are left.`;
  return [
    { what: "Claimed", at: claimedAt, ...(attempt > 1 ? { more: executions } : {}) },
    ...steps.slice(0, STEPS_MAX).map(({ name, recordedAt }) => ({
      what: "Step ",
      name,
      at: recordedAt,
      afterMs: afterMs(recordedAt),
    })),
    ...(unseen > 0 ? [{ what: `${numberOf(unseen)} more steps`, at: undefined }] : []),
    ...(state === "in_progress" ? [leaseOf(record)] : []),
    ...(finishedAt === undefined
      ? []
      : [
          {
            what: state === "failed" ? "Failed" : "Completed",
            at: finishedAt,
            tone: toneOf(record),
            afterMs: afterMs(finishedAt),
          },
        ]),
    {
      what: isExpired ? "Expired" : "Expires",
      at: expiresAt,
      more: isExpired ? "The key counts as fresh since then." : "The key counts as fresh from then on.",
    },
  ];
}

function leaseOf({ isAbandoned, leasedUntil }: InspectedRecord): Moment {
  return isAbandoned
    ? { what: "Abandoned", at: leasedUntil, tone: "stuck", more: "The lease has lapsed, or was given back." }
    : {
        what: "Leased until",
        at: leasedUntil,
        tone: "busy",
        more: "The executor renews the lease while it lives.",
      };
}
