import type { Results, Throughput } from "../../results.ts";
import { ratio, table, whole } from "../markdown.ts";
import type { Bar, Plot } from "../svg.ts";
import { barOf, headOf, isOurs, MAIN, perSecondOf, rowOf, type Section, titleOf } from "./section.ts";

function tableOf({ database, concurrency, contenders, work, load }: Throughput, caption: boolean): string {
  const title = caption
    ? `${database}, ${work === "one" ? "one write" : "four writes"}, ${WORDS[load]}:\n\n`
    : "";
  return title + table(headOf(`concurrency ${concurrency}`), contenders.map(rowOf));
}

const WORDS = {
  fresh: "fresh keys",
  replay: "replays",
  mixed: "one retry in ten calls",
  elsewhere: "replays elsewhere",
} as const;

const BARE = "to the bare Prisma transaction";

export const ONE = `Every call has a new key; the handler creates one row through Prisma. The baseline is a bare interactive transaction of
Prisma with the same handler, which recognises no key. The raw driver sends the statements of onceonly without Prisma. The
contenders that keep their keys in Redis, and the hand-written table without a common transaction, run the one write
without a transaction of their own: that takes fewer statements, at the price of what happens in a crash. Redis runs as it
is configured, and may forget what it answered when it dies; PostgreSQL may not. "Once each" compares the rows with the
keys.`;

export const FOUR = `The same with four writes, for which everybody needs a transaction: an order, a payment, a stock movement, a balance.`;

export const MIXED = `Nine calls in ten have a new key; one repeats a mutation that has finished. The bare transaction cannot tell them apart,
and executes them all.`;

export function fresh(
  name: string,
  question: string,
  text: string,
  cells: readonly Throughput[],
): Section | undefined {
  if (cells.length === 0) return undefined;
  return {
    name,
    question,
    text,
    plot: {
      title: question,
      unit: `operations a second, ${BARE}; line: range of the rounds`,
      groups: cells.map(({ concurrency, contenders }) => ({
        title: `concurrency ${concurrency}`,
        bars: contenders.map(barOf),
      })),
      mark: { value: 1, text: "bare" },
    },
    tables: cells.map((cell) => tableOf(cell, false)),
  };
}

export const SEEN = `Every call repeats a mutation that has finished. The baseline is a bare \`findUnique\` of the row that onceonly
reads.`;

export const UNSEEN = `Every call repeats a mutation that has finished in another process: the records are there, and none has been seen by
the process that is asked. Each key is asked for once. Such a replay begins as a new run does, with a transaction and a claim; the
baseline, a bare \`findUnique\` of the same rows, does not, and Prisma joins those that come at the same moment into one query.`;

export function replays(
  name: string,
  question: string,
  text: string,
  cells: readonly Throughput[],
): Section | undefined {
  if (cells.length === 0) return undefined;
  return {
    name,
    question,
    text,
    plot: {
      title: question,
      unit: "operations a second, to a findUnique of the record; line: range of the rounds",
      groups: cells.map(({ concurrency, contenders }) => ({
        title: `concurrency ${concurrency}`,
        bars: contenders.map(barOf),
      })),
      mark: { value: 1, text: "findUnique" },
    },
    tables: cells.map((cell) => tableOf(cell, false)),
  };
}

/** What is special about a database. */
const ABOUT: Readonly<Record<string, string>> = {
  mariadb: `A guard notices transactions that the database ends by itself, and each statement of ours goes alone.`,
  sqlite: `Through libsql, in WAL mode. There is one writer, and Prisma's transactions wait for each other before they begin.`,
};

export function otherDatabase(database: string, cells: readonly Throughput[]): Section | undefined {
  if (cells.length === 0) return undefined;
  const title = `And on ${titleOf(database)}?`;
  return {
    name: database,
    question: title,
    text: ABOUT[database] ?? "The same handlers and loads.",
    plot: {
      title,
      unit: `operations a second, ${BARE}, or to a findUnique for replays`,
      groups: cells
        .filter(({ concurrency }) => concurrency === 8)
        .map(({ work, load, contenders }) => ({
          title: `${work === "one" ? "one write" : "four writes"}, ${WORDS[load]}, concurrency 8`,
          bars: contenders.map(barOf),
        })),
    },
    tables: cells.map((cell) => tableOf(cell, true)),
  };
}

export function names(results: Results): Section | undefined {
  const both = results.throughput.filter(
    ({ database, concurrency, work, load }) =>
      database === MAIN && concurrency === 8 && work === "one" && load !== "mixed" && load !== "elsewhere",
  );
  if (!both.some((each) => each.namedStatements) || both.every((each) => each.namedStatements))
    return undefined;
  const rows: string[][] = [];
  const groups: Plot["groups"][number][] = [];
  for (const load of ["fresh", "replay"] as const) {
    const bars: Bar[] = [];
    for (const namedStatements of [false, true]) {
      const cell = both.find((each) => each.load === load && each.namedStatements === namedStatements);
      for (const each of cell?.contenders ?? []) {
        if (!["bare", "onceonly", "find"].includes(each.name)) continue;
        const how = namedStatements ? "names" : "no names";
        rows.push([
          `${WORDS[load]}, ${each.title}, ${how}`,
          ratio(each.ratio?.median),
          whole(perSecondOf(each)),
        ]);
        const value = perSecondOf(each);
        bars.push({ label: `${each.title}, ${how}`, value, text: whole(value), ours: isOurs(each.name) });
      }
    }
    groups.push({ title: WORDS[load], bars });
  }
  const question = "What do named statements change?";
  return {
    name: "names",
    question,
    text: `With the option \`statementNameGenerator\` of Prisma's adapter, PostgreSQL keeps statements prepared. It is off by default
and elsewhere on this page; a pooler such as PgBouncer may not allow it. Both settings were measured at concurrency 8
in one run, but not in the same rounds: compare the ratios.`,
    plot: { title: question, unit: "operations a second, concurrency 8", groups },
    tables: [table(["", "ratio", "ops/s"], rows)],
  };
}
