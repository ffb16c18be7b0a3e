import type { Kill } from "../../results.ts";
import { ms, table } from "../markdown.ts";
import { isOurs, MAIN, others, type Section, titleOf } from "./section.ts";

export function kills(all: readonly Kill[]): Section | undefined {
  const main = all.some(({ database }) => database === MAIN) ? MAIN : all[0]?.database;
  if (main === undefined) return undefined;
  const on = (name: string) => all.filter(({ database }) => database === name);
  const shown = on(main);
  const question = "What happens when the process is killed?";
  const points = [
    { point: "committed", title: "killed after the commit of the writes" },
    { point: "inside", title: "killed inside the handler" },
  ] as const;
  const rows = (kind: readonly Kill[]) =>
    [...new Set(kind.map(({ contender }) => contender))].map((contender) => {
      const cells = points.map(({ point }) => {
        const kill = kind.find((each) => each.contender === contender && each.point === point);
        return kill === undefined ? "–" : outcomeOf(kill);
      });
      return [kind.find((each) => each.contender === contender)?.title ?? contender, ...cells];
    });
  const head = ["", ...points.map(({ title }) => title)];
  const further = others(all).filter((name) => name !== main);
  const tables = [
    table(head, rows(shown)),
    ...further.map((name) => `On ${titleOf(name)}:\n\n${table(head, rows(on(name)))}`),
  ];
  return {
    name: "kills",
    question,
    text: `\`kill -9\`, then a second process that retries at once, again and again, until it has the result or runs out of patience.
Powertools was told that its function may run for 3 seconds, and onceonly's lease is 3 seconds (the default is a minute).
DBOS is retried by another executor; it recovers when the first one starts again.`,
    plot: {
      title: question,
      unit: "rows in the end; one is right",
      groups: points.map(({ point, title }) => ({
        title,
        bars: shown
          .filter((each) => each.point === point)
          .map(({ title: label, rows: value, contender }) => ({ label, value, ours: isOurs(contender) })),
      })),
    },
    tables,
  };
}

function outcomeOf({ rows, firstAnswer, lastAnswer, answeredMs }: Kill): string {
  const count = rows === 1 ? "1 row" : `**${rows} rows**`;
  if (lastAnswer === "the result") {
    const direct = firstAnswer.startsWith("the result");
    return `${count}; the result after ${ms(answeredMs)} ms${direct ? "" : `, before that ${firstAnswer.split(" after ")[0] ?? ""}`}`;
  }
  return `${count}; **stuck**: ${lastAnswer} for ${ms(answeredMs)} ms`;
}
