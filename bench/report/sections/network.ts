import type { Results } from "../../results.ts";
import { table } from "../markdown.ts";
import { barOf, headOf, MAIN, titleOf as nameOf, rowOf, type Section } from "./section.ts";

export function network({ network: all }: Results): Section | undefined {
  if (all.length === 0) return undefined;
  const question = "And with a network between server and database?";
  const titleOf = ({ database, roundTripMs, concurrency }: (typeof all)[number]) =>
    `${database === MAIN ? "" : `${nameOf(database)}, `}round trip ${roundTripMs} ms, concurrency ${concurrency}`;
  return {
    name: "network",
    question,
    text: `Fresh keys and one write, through a process that keeps every byte back for half of the round-trip time, each way. What
costs no round trip of its own costs next to nothing there.`,
    plot: {
      title: question,
      unit: "operations a second, to the bare Prisma transaction; line: range of the rounds",
      groups: all.map((each) => ({ title: titleOf(each), bars: each.contenders.map(barOf) })),
      mark: { value: 1, text: "bare" },
    },
    tables: all.map((each) => table(headOf(titleOf(each)), each.contenders.map(rowOf))),
  };
}
