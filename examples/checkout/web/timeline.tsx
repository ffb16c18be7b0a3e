import { shortKey } from "./format.ts";
import { LANE_NAMES } from "./lanes.ts";
import type { InLane } from "./ledger.ts";
import { momentsOf } from "./moments.ts";

/** What became of one way to pay, in order: what the page saw, and what the database and the provider say. */
export function Timeline(it: InLane) {
  const moments = momentsOf(it);
  const begin = moments[0]?.at ?? 0;
  const [key] = it.attempts.flatMap((attempt) => attempt.key ?? []);
  const id = `timeline-${it.lane}`;
  return (
    <section className="timeline" aria-labelledby={id}>
      <h3 id={id}>
        {LANE_NAMES[it.lane]}
        {key !== undefined && <code title={key}>{shortKey(key)}</code>}
      </h3>
      {moments.length === 0 && <p className="empty">Press Pay.</p>}
      <ol>
        {moments.map(({ at, text, tone }) => (
          <li key={`${at} ${text}`} data-tone={tone}>
            <span>{text}</span>
            <time>{((at - begin) / 1_000).toFixed(2)} s</time>
          </li>
        ))}
      </ol>
    </section>
  );
}
