/** Reads the repository's Markdown files: their code blocks, links and anchors. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));

export interface CodeBlock {
  readonly language: string;
  /** Line of the first line of code in the document, from 1. */
  readonly line: number;
  readonly code: string;
}

/** Paths of all documents, relative to the root. */
export function documents(): string[] {
  const top = readdirSync(root).filter((name) => name.endsWith(".md"));
  const below = readdirSync(`${root}docs`, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name.replaceAll("\\", "/")}`);
  return [...top, ...below].sort();
}

export function read(path: string): string {
  return readFileSync(root + path, "utf8").replaceAll("\r\n", "\n");
}

export function codeBlocks(text: string): CodeBlock[] {
  return Array.from(
    text.matchAll(/^```(\w*)\n(.*?)^```$/gms),
    ({ 1: language = "", 2: code = "", index }) => ({
      language,
      code,
      line: text.slice(0, index).split("\n").length + 1,
    }),
  );
}

/** The rows of each table, by the words of its head. Links count as their text; code and emphasis as what they mark. */
export function tables(text: string): Readonly<Record<string, string>>[][] {
  return Array.from(text.matchAll(/(?:^\|.*\|\n)+/gm), ([table]) => {
    const [head = [], , ...rows] = table.trimEnd().split("\n").map(cellsOf);
    return rows.map((cells) => Object.fromEntries(head.map((name, n) => [name, cells[n] ?? ""])));
  });
}

function cellsOf(row: string): string[] {
  const plain = row.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll(/[`*]/g, "");
  return plain
    .slice(1, -1)
    .split("|")
    .map((cell) => cell.trim());
}

/** Targets of links, code left out. */
export function links(text: string): string[] {
  return Array.from(prose(text).matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g), ({ 1: target = "" }) => target);
}

/** Paths of files and folders of the repository that the text names as code. */
export function paths(text: string): string[] {
  const code = Array.from(text.matchAll(/`([^`\s]+)`/g), ({ 1: name = "" }) => name);
  return code.filter((name) => /^(src|test|docs|scripts|examples|prisma)\/[\w./-]*$/.test(name));
}

/** The anchors of a document's headings, as GitHub makes them. */
export function anchors(text: string): Set<string> {
  const found = new Set<string>();
  for (const { 1: heading = "" } of prose(text, { keepInline: true }).matchAll(/^#{1,6} (.+)$/gm)) {
    const plain = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const slug = plain.replaceAll(/[^\p{L}\p{N}\p{M}_\- ]/gu, "").replaceAll(" ", "-");
    let anchor = slug;
    for (let count = 1; found.has(anchor); count += 1) anchor = `${slug}-${count}`;
    found.add(anchor);
  }
  return found;
}

function prose(text: string, { keepInline = false } = {}): string {
  const withoutBlocks = text.replaceAll(/^```.*?^```$/gms, "");
  return keepInline ? withoutBlocks : withoutBlocks.replaceAll(/`[^`\n]*`/g, "code");
}

/** The names of tests, and whatever else a file says in quotes. */
export const titlesIn = (code: string): string[] =>
  Array.from(code.matchAll(/"[^"\n]{12,}"|`[^`\n]{12,}`|'[^'\n]{12,}'/g), ([title]) =>
    title.replaceAll(/[`*]/g, ""),
  );
