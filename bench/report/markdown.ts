const NUMERIC = /^[*–\d.,\s/-]*$/;

/** A table; columns of numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, column) =>
    column > 0 && rows.every((row) => NUMERIC.test(row[column] ?? "")) ? "--:" : "---",
  );
  return [line(head), `|${rule.join("|")}|`, ...rows.map(line)].join("\n");
}

export const ratio = (value: number | null | undefined): string =>
  value === null || value === undefined || Number.isNaN(value) ? "–" : value.toFixed(2);

export const whole = (value: number): string =>
  Number.isFinite(value) ? Math.round(value).toLocaleString("en") : "–";

export const ms = (value: number): string => (value < 10 ? value.toFixed(1) : whole(value));

/** "a, b and c". */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1) ?? ""}`;
}
