/** @jsxImportSource preact */
import type { ComponentChildren, VNode } from "preact";
import type { ListedRecord } from "../../core/contract/upkeep/listing.ts";
import { visibleParts } from "../values/visible.ts";

/** How a state is coloured. The words say it too. */
export type Tone = "good" | "bad" | "busy" | "stuck";

/** A text from the tables: nothing in it hides, and its direction of writing ends with it. */
export function Stored({ text, lines = false }: { text: string; lines?: boolean }): VNode {
  return (
    <bdi>
      {visibleParts(text, lines ? "\n\t" : "").map((part) =>
        part.isEscape ? <span class="escape">{part.text}</span> : part.text,
      )}
    </bdi>
  );
}

/** A time of the database, in UTC to the millisecond. */
export function Time({ at }: { at: Date }): VNode {
  const iso = at.toISOString();
  return <time datetime={iso}>{`${iso.slice(0, 10)} ${iso.slice(11, 23)}`}</time>;
}

/** As {@link Time}, for a table whose head says that it is UTC: to the second. */
export function ShortTime({ at }: { at: Date }): VNode {
  const iso = at.toISOString();
  return <time datetime={iso}>{`${iso.slice(0, 10)} ${iso.slice(11, 19)}`}</time>;
}

type StateOf = Pick<ListedRecord, "state" | "isAbandoned" | "isExpired">;

export function toneOf({ state, isAbandoned }: Omit<StateOf, "isExpired">): Tone {
  if (state === "in_progress") {
    return isAbandoned ? "stuck" : "busy";
  }
  return state === "completed" ? "good" : "bad";
}

/** The state of a record in words and colour. */
export function State({ record }: { record: StateOf }): VNode {
  const { state, isAbandoned, isExpired } = record;
  const word = state === "in_progress" ? (isAbandoned ? "abandoned" : "in progress") : state;
  return (
    <span class="badges">
      <span class={`badge ${toneOf(record)}`}>{word}</span>
      {isExpired ? <span class="badge past">expired</span> : null}
    </span>
  );
}

/** A sentence that stands out. */
export function Note({ tone, children }: { tone?: Tone; children: ComponentChildren }): VNode {
  return <div class={tone === undefined ? "note" : `note ${tone}`}>{children}</div>;
}

/** A time between two others: `"1.24 s"`, `"3 min 5 s"`. */
export function durationOf(ms: number): string {
  if (ms < 60_000) {
    return ms < 1_000 ? `${ms} ms` : `${(ms / 1_000).toFixed(2)} s`;
  }
  const units = [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["min", 60_000],
    ["s", 1_000],
  ] as const;
  let left = ms;
  const parts: string[] = [];
  for (const [unit, size] of units) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) {
      parts.push(`${count} ${unit}`);
    }
  }
  return parts.slice(0, 2).join(" ");
}

/** A whole number as people read it: `1,204`. */
export function numberOf(count: number): string {
  return count.toLocaleString("en");
}
