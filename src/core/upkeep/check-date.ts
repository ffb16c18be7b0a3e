import { misuse } from "../browser/option-checks.ts";

/** Years that every database knows. */
const [FIRST_MS, LAST_MS] = [Date.UTC(1970), Date.UTC(10_000) - 1];

/** @throws TypeError for what is no date. */
export function checkDate(option: string, date: unknown): void {
  const ms = date instanceof Date ? date.getTime() : Number.NaN;
  if (date !== undefined && !(ms >= FIRST_MS && ms <= LAST_MS)) {
    throw misuse(option, date, "a Date of the years 1970 to 9999");
  }
}
