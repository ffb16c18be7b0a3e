/** The page `docs/performance.md`: nothing in it but what stands in the results. */
import type { Results } from "../results.ts";
import { reached, targets } from "../targets.ts";
import { listed, table } from "./markdown.ts";
import { sectionsOf } from "./sections/index.ts";
import type { Section } from "./sections/section.ts";
import { svgOf } from "./svg.ts";

export interface Page {
  readonly markdown: string;
  /** By their names in `docs/images`. */
  readonly plots: ReadonlyMap<string, string>;
}

export function pageOf(results: Results): Page {
  const plots = new Map<string, string>();
  const parts = [INTRODUCTION, measuredOn(results), figures(results)];
  for (const section of sectionsOf(results)) parts.push(written(section, plots));
  parts.push(REPEAT, NOT_MEASURED);
  return { markdown: `${parts.join("\n\n")}\n`, plots };
}

function written({ question, text, plot, tables, name }: Section, plots: Map<string, string>): string {
  const parts = [`## ${question}`, text];
  if (plot !== undefined) {
    const file = `performance-${name}.svg`;
    plots.set(file, svgOf(plot));
    parts.push(`![${plot.title}](images/${file})`);
  }
  return [...parts, ...tables].join("\n\n");
}

const INTRODUCTION = `# Performance

What it costs to make a mutation happen once, compared with what people use instead. One run measures all contenders in
turn, several rounds of each, on one machine. **Trust the ratios, not the operations per second**: a ratio is taken in each
round; the table shows the median and, where there is one, the range. The benchmark writes this page and its plots.`;

function measuredOn({
  machine,
  versions,
  options,
  mode,
  missing,
  failed,
  wrong,
  durationSeconds,
}: Results): string {
  const { cpu, cores, memoryGb, system, node } = machine;
  const servers = (options["databases"] as readonly string[]).flatMap((name) => versions[name] ?? []);
  if (versions["redis server"] !== undefined) servers.push(`Redis ${versions["redis server"]}`);
  const lines = [
    `Measured on ${cpu}, ${cores} cores, ${memoryGb} GB, ${system}, Node.js ${node}; ${listed(servers)}, on loopback,`,
    "PostgreSQL with `fsync` on. Client and servers share the cores.",
    `${String(options["rounds"])} rounds of ${String(options["seconds"])} s for each contender,`,
    `statements ${options["namedStatements"] === true ? "with" : "without"} names, ${durationSeconds} s in all.`,
  ];
  if (mode !== "full") lines.push(`**A run with \`--${mode}\`: short rounds, and not all questions.**`);
  const notes = missing.map((line) => `- Missing: ${line}`);
  // The rest of a line is where in the code it was.
  for (const line of failed) notes.push(`- Failed: ${line.split("\n")[0] ?? ""}`);
  const unexpected = wrong.filter((line) => line.startsWith("onceonly"));
  notes.push(...unexpected.map((line) => `- **Not exactly once: ${line}**`));
  return [lines.join("\n"), ...(notes.length > 0 ? [notes.join("\n")] : [])].join("\n\n");
}

function figures({ ratios }: Results): string {
  const rows = targets.map((target) => {
    const value = ratios[target.name];
    const aim = `${target.at === "least" ? "≥" : "≤"} ${target.write(target.value)}`;
    if (value === null) return [target.what, aim, "not measured", ""];
    return [target.what, aim, target.write(value), reached(target, value) ? "yes" : "**no**"];
  });
  const missed = rows.filter((row) => row[3] === "**no**").length;
  const text = "The targets, on PostgreSQL, at concurrency 8 unless stated otherwise.";
  const verdict = missed === 0 ? "" : ` ${missed} ${missed === 1 ? "target is" : "targets are"} missed.`;
  const head = ["", "aim", "measured", "reached"];
  return `## What is aimed at\n\n${text}${verdict}\n\n${table(head, rows)}`;
}

const REPEAT = `## How to repeat it

\`\`\`sh
npm ci
npm run bench -- --json results.json --docs   # an hour or so; writes this page
npm run bench -- --quick                      # within 3 minutes; leaves out growth and prune
\`\`\`

PostgreSQL is the one at \`TEST_POSTGRES_URL\`, or one that is started from npm; Redis is the one at \`TEST_REDIS_URL\`, by
default \`redis://127.0.0.1:6379\`. A server that is not there is reported, and its contenders are left out. \`--help\` lists
the other options. The contenders are in [\`bench/contenders\`](../bench/contenders), each in a file of its own, as small as
an application would write it.`;

const NOT_MEASURED = `## What is not measured

- A separate disk for the database, replication, or more than two application processes under load.
- Pool sizes other than 10 connections.
- Statements and round trips anywhere but on PostgreSQL; heap, growth and prune likewise.
- CPU of PostgreSQL's background processes: "database CPU" is that of the sessions.
- Results larger than a row, long handlers, and errors.`;
