import type { Results } from "../../results.ts";
import { table } from "../markdown.ts";
import { barOf, rowOf, type Section } from "./section.ts";

export function http({ http: all }: Results): Section | undefined {
  if (all.length === 0) return undefined;
  const question = "What is left of it over HTTP?";
  const rows = all.flatMap(({ database, server, concurrency, variants }) =>
    variants.map((each) => {
      const [, ...rest] = rowOf(each);
      return [
        `${SERVERS[server]}, ${database}, concurrency ${concurrency}, ${each.title}`,
        ...rest.filter((_, i) => i !== 5 && i !== 6),
      ];
    }),
  );
  return {
    name: "http",
    question,
    text: `tRPC's and Yoga's own servers in a process of their own, one write, fresh keys, the client on the other side of loopback. The
baseline is the same mutation with a resolver that opens a bare transaction; one without any transaction is shown beside it.`,
    plot: {
      title: question,
      unit: "requests a second, to the same mutation in a bare transaction; line: range of the rounds",
      groups: all
        .filter(({ concurrency }) => concurrency === 8)
        .map(({ server, database, variants }) => ({
          title: `${SERVERS[server]}, ${database}, concurrency 8`,
          bars: variants.map(barOf),
        })),
      mark: { value: 1, text: "bare" },
    },
    tables: [table(["", "ratio", "range", "requests/s", "p50 ms", "p99 ms", "once each"], rows)],
  };
}

const SERVERS = { trpc: "tRPC", yoga: "Yoga" } as const;
