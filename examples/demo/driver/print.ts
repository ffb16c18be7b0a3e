import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

const coloured = process.stdout.isTTY && process.env["NO_COLOR"] === undefined;
const styled = (style: Style, text: string) => (coloured ? styleText(style, text) : text);

const SPEAKERS = { client: "cyan", server: "magenta", database: "yellow" } as const satisfies Record<
  string,
  Style
>;

export function heading(text: string): void {
  console.log(`\n${styled("bold", text)}`);
}

export function plain(text: string): void {
  console.log(text);
}

/** What one of the three does or shows: `say("client", "ada orders 2 tea")`. */
export function say(who: keyof typeof SPEAKERS, text: string): void {
  console.log(`   ${styled(SPEAKERS[who], who.padEnd(8))}  ${text}`);
}

export function verdict(text: string, kept: boolean): void {
  console.log(`   ${kept ? styled("green", "kept  ") : styled(["bold", "red"], "BROKEN")}    ${text}`);
}

export function failure(error: unknown): void {
  console.log(styled("red", error instanceof Error ? (error.stack ?? error.message) : String(error)));
}

/** Columns as wide as their widest cell; numbers aligned to the right. */
export function table(rows: readonly Readonly<Record<string, string | number>>[]): void {
  if (rows.length === 0) return plain("   (empty)");
  const names = Object.keys(rows[0] ?? {});
  const widths = names.map((name) => Math.max(name.length, ...rows.map((row) => String(row[name]).length)));
  const line = (cells: readonly (string | number)[]) =>
    `   ${cells
      .map((cell, i) =>
        typeof cell === "number" ? String(cell).padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
      )
      .join("  ")
      .trimEnd()}`;
  console.log(styled("dim", line(names)));
  for (const row of rows) console.log(line(names.map((name) => row[name] ?? "")));
}
