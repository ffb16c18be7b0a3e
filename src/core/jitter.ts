/** A random time up to a bound that doubles with each attempt (from 0), at most `capMs`: "full jitter". */
export function fullJitter(attempt: number, baseMs: number, capMs: number): number {
  return Math.random() * Math.min(capMs, baseMs * 2 ** attempt);
}
