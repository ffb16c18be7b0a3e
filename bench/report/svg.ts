/** Plots as plain SVG text: bars that lie on their side, with the range of the rounds as a line over each. */

export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly min?: number;
  readonly max?: number;
  /** What stands behind the bar; the value by default. */
  readonly text?: string;
  /** Ours, drawn in the stronger colour. */
  readonly ours?: boolean;
}

export interface Group {
  /** Above the bars; none where there is one group only. */
  readonly title?: string;
  readonly bars: readonly Bar[];
}

export interface Plot {
  readonly title: string;
  /** What a bar's length means. */
  readonly unit: string;
  readonly groups: readonly Group[];
  /** A line to measure bars by, such as that of a target or of the basis. */
  readonly mark?: { readonly value: number; readonly text: string };
}

const WIDTH = 760;
const LEFT = 230;
const RIGHT = 90;
const ROW = 22;
const HEAD = 62;

/**
 * Follows the colour scheme of who looks at it, and brings its own background: a page may be dark where the system is
 * light.
 */
const STYLE = `
  .page { fill: #ffffff; stroke: #d0d7de; } text { fill: #1f2328; font: 13px system-ui, sans-serif; }
  .title { font-size: 15px; font-weight: 600; } .unit { fill: #59636e; font-size: 12px; }
  .bar { fill: #9aa7b4; } .ours { fill: #0969da; } .range { stroke: #1f2328; } .mark { stroke: #59636e; stroke-dasharray: 3 3; }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; stroke: #3d444d; } text { fill: #f0f6fc; } .unit { fill: #9198a1; }
    .bar { fill: #656c76; } .ours { fill: #4493f8; } .range { stroke: #f0f6fc; } .mark { stroke: #9198a1; }
  }
`;

export function svgOf({ title, unit, groups, mark }: Plot): string {
  const bars = groups.flatMap((group) => group.bars);
  const longest = Math.max(mark?.value ?? 0, ...bars.map(({ value, max }) => Math.max(value, max ?? 0)));
  const scale = (value: number) => (longest === 0 ? 0 : (value / longest) * (WIDTH - LEFT - RIGHT));
  const parts: string[] = [];
  let y = HEAD;
  for (const group of groups) {
    if (group.title !== undefined) {
      parts.push(`<text x="16" y="${y + 15}" class="unit">${escaped(group.title)}</text>`);
      y += ROW;
    }
    for (const bar of group.bars) {
      parts.push(rowOf(bar, y, scale));
      y += ROW;
    }
    y += 8;
  }
  const height = y + 12;
  if (mark !== undefined) {
    const x = round(LEFT + scale(mark.value));
    parts.push(`<line x1="${x}" x2="${x}" y1="${HEAD - 4}" y2="${y - 6}" class="mark"/>`);
    parts.push(
      `<text x="${x}" y="${HEAD - 8}" text-anchor="middle" class="unit">${escaped(mark.text)}</text>`,
    );
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}">
<style>${STYLE}</style>
<rect x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="6" class="page"/>
<text x="16" y="26" class="title">${escaped(title)}</text>
<text x="16" y="44" class="unit">${escaped(unit)}</text>
${parts.join("\n")}
</svg>
`;
}

function rowOf(bar: Bar, y: number, scale: (value: number) => number): string {
  const { label, value, min, max, text, ours } = bar;
  const width = round(Math.max(1, scale(value)));
  const parts = [
    `<text x="${LEFT - 10}" y="${y + 14}" text-anchor="end">${escaped(label)}</text>`,
    `<rect x="${LEFT}" y="${y + 3}" width="${width}" height="14" rx="2" class="${ours === true ? "ours" : "bar"}"/>`,
  ];
  let end = LEFT + width;
  if (min !== undefined && max !== undefined) {
    const [from, to] = [round(LEFT + scale(min)), round(LEFT + scale(max))];
    parts.push(`<line x1="${from}" x2="${to}" y1="${y + 10}" y2="${y + 10}" class="range"/>`);
    end = Math.max(end, to);
  }
  parts.push(`<text x="${round(end + 8)}" y="${y + 14}">${escaped(text ?? String(value))}</text>`);
  return parts.join("");
}

const round = (value: number) => Math.round(value * 10) / 10;

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
