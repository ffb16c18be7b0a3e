/** Where a process can be killed, in the order in which a run comes by. */
export type CrashPoint =
  /** The key is claimed, and the handler has not begun. */
  | "claimed"
  /** A statement of the handler is about to be sent in its transaction. */
  | "statement"
  /** A step of a leased run has ended, and its result is not recorded. */
  | "step ended"
  /** The handler has ended, and its result is not stored. */
  | "handler ended"
  /** The result is committed; no callback of `afterCommit` was called, and the caller has no answer. */
  | "committed";

/** All points, for a test of each. */
export const crashPoints: readonly CrashPoint[] = [
  "claimed",
  "statement",
  "step ended",
  "handler ended",
  "committed",
];

/** The environment variable that says where to crash: `handler ended`, or `statement:3` for the third time that a run comes by. */
export const CRASH_VARIABLE = "CRASH_ONCEONLY_AT";

/**
 * The environment variable for a child process that is to be killed at a point: `spawn(..., { env: { ...process.env, ...crashAt("committed") } })`.
 *
 * @param nth At which time that the process comes by the point, from 1. Default 1.
 * @throws TypeError for a point that there is not.
 */
export function crashAt(point: CrashPoint, nth: number = 1): Readonly<Record<string, string>> {
  const wanted = `${point}:${nth}`;
  crashOf(wanted);
  return { [CRASH_VARIABLE]: wanted };
}

/** @throws TypeError */
export function crashOf(wanted: string): { readonly point: CrashPoint; readonly nth: number } {
  const [, name, nth = "1"] = /^(.+?)(?::([1-9]\d{0,8}))?$/.exec(wanted) ?? [];
  const point = crashPoints.find((each) => each === name);
  if (point === undefined) {
    throw new TypeError(
      `onceonly: ${CRASH_VARIABLE} is "${wanted}"; give ${crashPoints.map((each) => `"${each}"`).join(" or ")}, and which time ` +
        'if not the first, such as "statement:3".',
    );
  }
  return { point, nth: Number(nth) };
}
