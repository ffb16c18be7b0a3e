import type { Duplicates, Results } from "../../results.ts";
import { median } from "../../stats.ts";
import { ms, ratio, table, whole } from "../markdown.ts";
import { isOurs, MAIN, others, type Section, titleOf } from "./section.ts";

export function duplicates({ duplicates: all, otherQueries }: Results): Section | undefined {
  const storms = all.filter(({ database }) => database === MAIN);
  if (storms.length === 0) return undefined;
  const question = "What do a hundred duplicates of one slow key do?";
  const rows = (each: readonly Duplicates[]) =>
    each.map(
      ({
        title,
        executions,
        sameResult,
        otherResults,
        errors,
        lastAnswerMs,
        otherQueryMs,
        busyConnections,
      }) => [
        title,
        executions === 1 ? "1" : `**${executions}**`,
        [
          sameResult > 0 ? `${sameResult} the result` : "",
          otherResults > 0 ? `${otherResults} other results` : "",
          ...Object.entries(errors).map(([name, count]) => `${count} ${name}`),
        ]
          .filter((part) => part !== "")
          .join(", "),
        ms(lastAnswerMs),
        ms(otherQueryMs),
        busyConnections === null ? "–" : String(busyConnections),
      ],
    );
  const head = ["", "executed", "answers", "last answer, ms", "an unrelated query, ms", "busy connections"];
  const tables = [table(head, rows(storms))];
  for (const name of others(all)) {
    tables.push(
      `On ${titleOf(name)}:\n\n${table(head, rows(all.filter(({ database }) => database === name)))}`,
    );
  }
  for (const { idle, busy, ratio: spread, connections } of otherQueries) {
    const p99 = (each: typeof idle) => ms(median(each.map(({ p99Ms }) => p99Ms)));
    tables.push(
      `Unrelated queries, one after the other, while 99 duplicates wait: p99 ${p99(busy)} ms, against ${p99(idle)} ms when idle; ` +
        `ratio ${ratio(spread.median)} (${ratio(spread.min)} – ${ratio(spread.max)}) over ${idle.length} rounds of ` +
        `${whole(median(busy.map(({ samples }) => samples)))} queries. Connections besides the owner's: ` +
        `${Math.max(...connections)}.`,
    );
  }
  return {
    name: "duplicates",
    question,
    text: `A hundred simultaneous calls with one key, in one process with a pool of 10 connections; the handler takes 300 ms.
Meanwhile an unrelated query is sent. A connection is busy while it is at work or in a transaction; the owner's counts too.`,
    plot: {
      title: question,
      unit: "how often the handler's writes were committed; one is right",
      groups: [
        {
          bars: storms.map(({ title, executions, contender }) => ({
            label: title,
            value: executions,
            ours: isOurs(contender),
          })),
        },
      ],
    },
    tables,
  };
}
