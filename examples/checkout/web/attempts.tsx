import { shortKey } from "./format.ts";
import { type Attempt, useAttempts } from "./network.ts";

const TEXTS: Record<Attempt["state"], string> = {
  pending: "on its way",
  answered: "answered",
  replayed: "answered with the stored result",
  refused: "refused",
  late: "given up, no answer in time",
  lost: "no answer, the connection broke",
};

/** What went over the network for this cart. */
export function Attempts() {
  const attempts = useAttempts();
  return (
    <section className="attempts" aria-labelledby="attempts">
      <h3 id="attempts">Requests sent</h3>
      {attempts.length === 0 && <p className="empty">None yet. Press Pay.</p>}
      <ol>
        {attempts.map(({ number, key, state, status, ms }) => (
          <li key={number} data-state={state}>
            <span className="what">
              {TEXTS[state]}
              {status !== undefined && status >= 400 && ` with ${status}`}
            </span>
            <span className="detail">
              {key === undefined ? "no key" : <code title={key}>key {shortKey(key)}</code>}
              {state !== "pending" && <span className="time">{ms} ms</span>}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
