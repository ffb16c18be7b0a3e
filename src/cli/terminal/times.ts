const UNITS: readonly (readonly [name: string, ms: number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
  ["ms", 1],
];

/** A length of time, in the one or two units that say enough: `2 h 5 min`. */
export function duration(ms: number): string {
  const length = Math.abs(Math.round(ms));
  const first = UNITS.findIndex(([, unit]) => length >= unit);
  const [large, small] = [UNITS[first], UNITS[first + 1]];
  if (large === undefined) {
    return "0 ms";
  }
  const [name, unit] = large;
  const rest = small === undefined || name === "s" ? 0 : Math.floor((length % unit) / small[1]);
  const whole = `${Math.floor(length / unit)} ${name}`;
  return rest === 0 || small === undefined ? whole : `${whole} ${rest} ${small[0]}`;
}

/** `(in 5 min)` or `(5 min ago)`. */
export function relative(time: Date, now: Date): string {
  const ms = time.getTime() - now.getTime();
  return ms > 0 ? `(in ${duration(ms)})` : `(${duration(ms)} ago)`;
}

/** To the second, as `--since` takes it. */
export function toSecond(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, "Z");
}

const DURATION = /^(\d+(?:\.\d+)?)(s|m|h|d|w)$/;
const DATE = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/;
const MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** What {@link pointInTime} takes. */
export const TIME_FORMS =
  "a length of time back from now such as 30m, 2h or 7d, or a date such as 2026-11-30T12:00Z";

/** Reads `2h` (back from `now`), or a date and time, which is in UTC unless it says otherwise. */
export function pointInTime(text: string, now: Date): Date | undefined {
  const [, count, unit] = DURATION.exec(text) ?? [];
  if (count !== undefined) {
    return valid(new Date(now.getTime() - Number(count) * MS[unit as keyof typeof MS]));
  }
  const match = DATE.exec(text);
  if (match === null) {
    return undefined;
  }
  const day = text.slice(0, "2026-11-30".length);
  const hasTime = text.length > day.length;
  // JavaScript makes the 3rd of March out of the 31st of February.
  const isDay =
    valid(new Date(`${day}T00:00Z`))
      ?.toISOString()
      .startsWith(day) === true;
  if (!isDay) {
    return undefined;
  }
  return valid(new Date(`${text.replace(" ", "T")}${hasTime && match[1] === undefined ? "Z" : ""}`));
}

function valid(date: Date): Date | undefined {
  return Number.isNaN(date.getTime()) ? undefined : date;
}
