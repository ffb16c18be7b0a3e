import type { Measured } from "../../results.ts";
import { median } from "../../stats.ts";
import { ms, ratio, whole } from "../markdown.ts";
import type { Bar, Plot } from "../svg.ts";

/** A question, its plot and its tables. */
export interface Section {
  /** Of its plot's file. */
  readonly name: string;
  readonly question: string;
  readonly text: string;
  readonly plot: Plot | undefined;
  readonly tables: readonly string[];
}

/** The one that has the page; what was asked of others too stands below it. */
export const MAIN = "postgresql";

/** Databases that the findings are of, besides {@link MAIN}. */
export function others(findings: readonly { readonly database: string }[]): string[] {
  return [...new Set(findings.map(({ database }) => database))].filter((name) => name !== MAIN);
}

const TITLES: Readonly<Record<string, string>> = {
  postgresql: "PostgreSQL",
  sqlite: "SQLite",
  mariadb: "MariaDB",
};
export const titleOf = (database: string) => TITLES[database] ?? database;

export const isOurs = (name: string) => name.startsWith("onceonly");

export function barOf({ name, title, ratio: spread }: Measured): Bar {
  const value = spread?.median ?? 0;
  return {
    label: title,
    value,
    ...(spread === null ? {} : { min: spread.min, max: spread.max }),
    text: ratio(spread?.median),
    ours: isOurs(name),
  };
}

export const perSecondOf = ({ rounds }: Measured) => median(rounds.map((round) => round.perSecond));

/** The head of a table of {@link rowOf}s. */
export const headOf = (title: string): string[] => [
  title,
  "ratio",
  "range",
  "ops/s",
  "p50 ms",
  "p99 ms",
  "CPU µs",
  "database CPU µs",
  "once each",
];

export function rowOf(each: Measured): string[] {
  const of = (pick: (round: Measured["rounds"][number]) => number) => median(each.rounds.map(pick));
  const errors = each.rounds.flatMap((round) => Object.values(round.errors)).reduce((a, b) => a + b, 0);
  const correct =
    each.keys === 0
      ? ""
      : each.executions === each.keys
        ? "yes"
        : `${each.executions} rows of ${each.keys} keys`;
  return [
    each.title,
    ratio(each.ratio?.median),
    each.ratio === null ? "" : `${ratio(each.ratio.min)} – ${ratio(each.ratio.max)}`,
    whole(perSecondOf(each)),
    ms(of((round) => round.p50Ms)),
    ms(of((round) => round.p99Ms)),
    whole(of((round) => round.cpuMicros)),
    each.rounds.some(({ databaseCpuMicros }) => databaseCpuMicros === null)
      ? ""
      : whole(of((round) => round.databaseCpuMicros ?? 0)),
    errors > 0 ? `${correct}, ${errors} errors` : correct,
  ];
}
