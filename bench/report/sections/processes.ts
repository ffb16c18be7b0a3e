import type { Measured, Results } from "../../results.ts";
import { table } from "../markdown.ts";
import { barOf, headOf, rowOf, type Section } from "./section.ts";

export function node({ node: all }: Results): Section | undefined {
  if (all.length === 0) return undefined;
  const groups = all.map(({ node: version, concurrency, contenders }) => ({
    title: `Node.js ${version.replace("v", "")}, concurrency ${concurrency}`,
    contenders,
  }));
  return {
    ...sectionOf("And on a newer Node.js?", groups),
    name: "node",
    text: `Fresh keys and one write, in a process under each version, in turn within each round. Ratios are to the bare transaction
under the same version. The rest of this page is measured under the first one.`,
  };
}

export function processes({ processes: all }: Results): Section | undefined {
  if (all.length === 0) return undefined;
  const groups = all.map(({ processes: count, concurrency, contenders }) => ({
    title: `${count === 1 ? "one process" : `${count} processes`}, ${concurrency} callers in all`,
    contenders,
  }));
  return {
    ...sectionOf("And with two application processes?", groups),
    name: "processes",
    text: `The same callers with fresh keys and one write, in one process of the application or spread over two, each with a
pool of its own. Ratios are to the bare transaction in as many processes. Where all share two cores with the database, a
second process has little to give; "CPU" is that of the application's processes, for each operation.`,
  };
}

function sectionOf(
  question: string,
  groups: readonly { readonly title: string; readonly contenders: readonly Measured[] }[],
): Pick<Section, "question" | "plot" | "tables"> {
  return {
    question,
    plot: {
      title: question,
      unit: "operations a second, to the bare Prisma transaction beside it; line: range of the rounds",
      groups: groups.map(({ title, contenders }) => ({ title, bars: contenders.map(barOf) })),
      mark: { value: 1, text: "bare" },
    },
    tables: groups.map(({ title, contenders }) => table(headOf(title), contenders.map(rowOf))),
  };
}
