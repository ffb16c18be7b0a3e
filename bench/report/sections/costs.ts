import type { Results } from "../../results.ts";
import { ratio, table, whole } from "../markdown.ts";
import { isOurs, type Section } from "./section.ts";

export function trips({ trips: all }: Results): Section | undefined {
  if (all.length === 0) return undefined;
  const question = "How many round trips is that?";
  const kinds = [
    { work: "one", load: "fresh", title: "fresh key, one write" },
    { work: "four", load: "fresh", title: "fresh key, four writes" },
    { work: "one", load: "replay", title: "replay" },
    { work: "one", load: "elsewhere", title: "replay by a process that has not seen the record" },
  ] as const;
  const contenders = [...new Set(all.map(({ contender }) => contender))];
  const found = (contender: string, { work, load }: { readonly work: string; readonly load: string }) =>
    all.find((each) => each.contender === contender && each.work === work && each.load === load);
  const number = (value: number) => (Number.isInteger(value) ? String(value) : value.toFixed(1));
  const rows = contenders.map((contender) => [
    all.find((each) => each.contender === contender)?.title ?? contender,
    ...kinds.map((kind) => {
      const each = found(contender, kind);
      return each === undefined ? "–" : `${number(each.statements)} / ${number(each.roundTrips)}`;
    }),
  ]);
  const ours = found("onceonly", kinds[0]);
  return {
    name: "trips",
    question,
    text: `Statements and round trips to PostgreSQL, counted on the wire, BEGIN and COMMIT included; means over several runs. Traffic
to Redis is not counted. Over a network this table says more than the ones above.`,
    plot: {
      title: question,
      unit: "round trips to PostgreSQL",
      groups: kinds.map((kind) => ({
        title: kind.title,
        bars: contenders.flatMap((contender) => {
          const each = found(contender, kind);
          if (each === undefined) return [];
          return {
            label: each.title,
            value: each.roundTrips,
            text: number(each.roundTrips),
            ours: isOurs(contender),
          };
        }),
      })),
    },
    tables: [
      table(["statements / round trips", ...kinds.map(({ title }) => title)], rows),
      ...(ours === undefined
        ? []
        : [`onceonly with a fresh key and one write:\n\n\`\`\`text\n${ours.texts.join("\n")}\n\`\`\``]),
    ],
  };
}

export function memory({ heap }: Results): Section | undefined {
  if (heap.length === 0) return undefined;
  const question = "How much memory does a run in flight take?";
  const rows = heap.map(({ mode, state, runs, bare, onceonly, difference }) => [
    `${mode === "onceonly" ? "mode transaction" : "mode lease"}, ${runs} ${state}`,
    whole(bare.median),
    whole(onceonly.median),
    whole(difference.median),
    `${whole(difference.min)} – ${whole(difference.max)}`,
  ]);
  return {
    name: "heap",
    question,
    text: `Bytes of the JavaScript heap for each run, after garbage collection, compared with a bare transaction at the same number in
flight: each in its handler, on a connection of its own; or most of them waiting for a connection. A leased run holds no
connection while its handler does other things, and is compared with nothing at all. The target is for the difference
between runs in their handlers.`,
    plot: {
      title: question,
      unit: "bytes of heap for each run in flight, beyond a bare transaction",
      groups: [
        {
          bars: heap.map(({ mode, state, difference }) => ({
            label: `${mode === "onceonly" ? "transaction" : "lease"}, ${state}`,
            value: Math.max(0, difference.median),
            min: Math.max(0, difference.min),
            max: Math.max(0, difference.max),
            text: whole(difference.median),
            ours: true,
          })),
        },
      ],
    },
    tables: [table(["bytes for each run", "bare", "onceonly", "difference", "range"], rows)],
  };
}

export function size({ size: all }: Results): Section | undefined {
  if (all.length === 0) return undefined;
  const question = "How much room does a record take?";
  const each = all.map(({ how, records, tableBytes, indexBytes }) => ({
    label: `${whole(records)} records`,
    how,
    table: tableBytes / records,
    indexes: indexBytes / records,
  }));
  return {
    name: "size",
    question,
    text: `In PostgreSQL, with the result of a handler of one write (an order). The table includes its TOAST table and maps.`,
    plot: {
      title: question,
      unit: "bytes of table and indexes for each record",
      groups: [
        {
          bars: each.map(({ label, table: inTable, indexes }) => ({
            label,
            value: inTable + indexes,
            text: whole(inTable + indexes),
            ours: true,
          })),
        },
      ],
    },
    tables: [
      table(
        ["", "table", "indexes", "all"],
        each.map(({ label, how, table: inTable, indexes }) => [
          `${label}, ${how}`,
          whole(inTable),
          whole(indexes),
          whole(inTable + indexes),
        ]),
      ),
    ],
  };
}

export function ambient({ ambient: all }: Results): Section | undefined {
  if (all.length === 0) return undefined;
  const rows = all.map(({ database, where, ratio: spread }) => [
    `${where}, ${database}`,
    ratio(spread.median),
    `${ratio(spread.min)} – ${ratio(spread.max)}`,
  ]);
  return {
    name: "ambient",
    question: "What does the ambient client cost?",
    text: `The speed of a \`findUnique\` through the client of \`withAmbientTransaction\`: outside handlers relative to the client itself,
in a handler relative to the \`tx\` of a bare transaction. At concurrency 1.`,
    plot: undefined,
    tables: [table(["", "ratio", "range"], rows)],
  };
}
