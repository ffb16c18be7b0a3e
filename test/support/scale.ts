/**
 * How much of what could go on for hours a run does. `npm test` is to end in minutes, `npm run test:long` goes on for longer;
 * CHAOS_ROUNDS=10 makes a night of it.
 */
const isLong = process.env["TEST_SCALE"] === "long";
const rounds = isLong ? Number(process.env["CHAOS_ROUNDS"] ?? 1) : 1;

interface Scales<T> {
  readonly short: T;
  readonly long: T;
}

export const scaled = <T>({ short, long }: Scales<T>): T => (isLong ? long : short);

/** A number of rounds, or of anything else that may be multiplied. */
export const times = (counts: Scales<number>): number => scaled(counts) * rounds;

/**
 * Whether another round is to begin, after so many: until all are done or the time is used up, but not before `least`. A slow
 * machine does fewer, and none is too slow.
 */
export function budget({ least, most, ms }: { least: number; most: number; ms: number }) {
  const until = performance.now() + ms;
  return (done: number): boolean => done < least || (done < most && performance.now() < until);
}
