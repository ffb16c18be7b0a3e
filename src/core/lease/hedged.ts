// The global ones give numbers in Workers of before 2026-02-10, and those have no `unref`.
import { clearTimeout, setTimeout } from "node:timers";

/** How often a statement is sent at most: those that hang hold a connection each, and must not take the whole pool. */
const SENT_MAX = 3;

/**
 * Sends a statement, and sends it again each time `afterMs` milliseconds have passed without an answer: its connection may be dead, and
 * another one alive. The first answer counts, so whatever is sent must bear to be executed more than once.
 */
export async function hedged<T>(send: () => Promise<T>, afterMs: number): Promise<T> {
  const sent: Promise<T>[] = [];
  for (;;) {
    const last = send();
    // One that comes after the answer is nobody's.
    last.catch(() => {});
    sent.push(last);
    const answer = await Promise.race(sent.length < SENT_MAX ? [...sent, late(afterMs, last)] : sent);
    if (answer !== LATE) {
      return answer;
    }
  }
}

const LATE = Symbol("late");

/** Resolves after `ms` milliseconds, for which it does not keep the process, unless `work` is done before. */
function late(ms: number, work: Promise<unknown>): Promise<typeof LATE> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms, LATE);
    timer.unref();
    const stop = () => clearTimeout(timer);
    work.then(stop, stop);
  });
}
