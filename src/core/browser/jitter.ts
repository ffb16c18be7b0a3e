/** A random time up to a bound that doubles with each attempt (from 0), at most `capMs`: "full jitter". */
export function fullJitter(attempt: number, baseMs: number, capMs: number): number {
  return Math.random() * Math.min(capMs, baseMs * 2 ** attempt);
}

/** A random time from half of `boundMs` up to `boundMs`: for polling, where too short a pause asks in vain. */
export function halfJitter(boundMs: number): number {
  return boundMs * (0.5 + Math.random() / 2);
}
