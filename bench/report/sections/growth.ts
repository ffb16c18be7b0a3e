import type { Results } from "../../results.ts";
import { median } from "../../stats.ts";
import { ms, ratio, table, whole } from "../markdown.ts";
import type { Section } from "./section.ts";

export function growth({ growth: all }: Results): Section | undefined {
  if (all.length === 0) return undefined;
  const question = "Does it slow down as the table grows?";
  const perSecond = (rounds: (typeof all)[number]["claims"]) =>
    median(rounds.map((round) => round.perSecond));
  const kinds = [
    { title: "fresh keys", rounds: "claims", ratio: "claimRatio" },
    { title: "replays", rounds: "replays", ratio: "replayRatio" },
  ] as const;
  return {
    name: "growth",
    question,
    text: `Fresh keys and replays over tables filled beforehand with live records, measured in turn, at concurrency 8, with one write.
Replayed keys are spread over the whole table. The indexes are as loose as indexes that grew naturally. Ratios are relative
to the smallest table.`,
    plot: {
      title: question,
      unit: "operations a second, to the smallest table; line: range of the rounds",
      groups: kinds.map((kind) => ({
        title: kind.title,
        bars: all.map((each) => ({
          label: `${whole(each.records)} records`,
          value: each[kind.ratio].median,
          min: each[kind.ratio].min,
          max: each[kind.ratio].max,
          text: ratio(each[kind.ratio].median),
          ours: true,
        })),
      })),
    },
    tables: [
      table(
        ["records", "fresh keys/s", "ratio", "replays/s", "ratio"],
        all.map((each) => [
          whole(each.records),
          whole(perSecond(each.claims)),
          ratio(each.claimRatio.median),
          whole(perSecond(each.replays)),
          ratio(each.replayRatio.median),
        ]),
      ),
    ],
  };
}

export function prune({ prune: all }: Results): Section | undefined {
  const [found] = all;
  if (found === undefined) return undefined;
  const question = "How fast are expired records pruned?";
  return {
    name: "prune",
    question,
    text: `\`prune({ dutyCycle: 1 })\`, which does not rest between batches, over a table of which half has expired: ${whole(found.expired)} records go,
and ${whole(found.kept)} stay. A batch is one call to the database, timed from the application. Below, fresh keys at 4 callers in another process, alone and
while two pruners delete with the defaults (\`dutyCycle\` 0.2).`,
    plot: {
      title: question,
      unit: "records a second, each round",
      groups: [
        {
          bars: found.rounds.map(({ rowsPerSecond }, round) => ({
            label: `round ${round + 1}`,
            value: rowsPerSecond,
            text: whole(rowsPerSecond),
            ours: true,
          })),
        },
      ],
    },
    tables: [
      table(
        ["", "records/s", "batches", "p50 of a batch, ms", "longest batch, ms"],
        found.rounds.map((each, round) => [
          `round ${round + 1}`,
          whole(each.rowsPerSecond),
          whole(each.batches),
          ms(each.batchP50Ms),
          ms(each.batchMaxMs),
        ]),
      ),
      table(
        ["", "p50 alone, ms", "p99 alone, ms", "p50 beside, ms", "p99 beside, ms", "deleted/s"],
        found.beside.map(({ alone, meanwhile, deleted, seconds }, round) => [
          `round ${round + 1}`,
          ms(alone.p50Ms),
          ms(alone.p99Ms),
          ms(meanwhile.p50Ms),
          ms(meanwhile.p99Ms),
          whole(deleted / seconds),
        ]),
      ),
    ],
  };
}
