import { styleText } from "node:util";

/** Controls of a terminal, and what turns the direction of a text: a stored text must not act on whoever reads it. */
const CONTROLS = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}\ufeff]/gu;

/** The same with each such character as its number, such as `\u001b`. */
export function shown(text: string): string {
  return text.replace(CONTROLS, escaped);
}

/** Like {@link shown}, for a text of several lines. */
export function shownLines(text: string): string[] {
  return text.split("\n").map((line) => shown(line.replaceAll("\t", "  ")));
}

export function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Whether standard output shows colours. NO_COLOR, FORCE_COLOR and TERM=dumb are respected by Node. */
export const hasColors = (): boolean => process.stdout.isTTY && process.stdout.hasColors();

export function styled(format: Parameters<typeof styleText>[0], text: string): string {
  return hasColors() ? styleText(format, text) : text;
}

export interface Cell {
  readonly text: string;
  readonly align?: "right";
  readonly style?: Parameters<typeof styleText>[0];
}

/** Rows in columns that are as wide as they need to be. Nothing is cut off: what is shown is meant to be copied. */
export function columns(rows: readonly (readonly Cell[])[], gap = "  "): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, { text }] of row.entries()) {
      widths[index] = Math.max(widths[index] ?? 0, text.length);
    }
  }
  return rows.map((row) =>
    row
      .map(({ text, align, style }, index) => {
        const width = widths[index] ?? 0;
        const padded = align === "right" ? text.padStart(width) : text.padEnd(width);
        return style === undefined ? padded : styled(style, padded);
      })
      .join(gap)
      .trimEnd(),
  );
}
