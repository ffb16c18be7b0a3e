/** What a query of Prometheus asks for, by Prometheus' own grammar. */
import { parser } from "@prometheus-io/lezer-promql";

interface Matcher {
  readonly label: string;
  readonly operator: string;
  readonly value: string;
}

/** The series that one place of a query asks for: `name{label="value"}`. */
export type Selector = readonly Matcher[];

export type Series = Readonly<Record<string, string>>;

export interface Query {
  readonly selectors: readonly Selector[];
  /** Those that it groups by, on any level. */
  readonly grouping: readonly string[];
}

/** What Grafana puts in the place of its variables when all is chosen. */
export function filledIn(text: string, rateInterval = "1m"): string {
  return text.replaceAll("$__rate_interval", rateInterval).replaceAll(/\$(?:job|operation)\b/g, ".*");
}

/** @throws if it is no query. */
export function parsed(query: string): Query {
  const selectors: Matcher[][] = [];
  const grouping: string[] = [];
  const textOf = ({ from, to }: { from: number; to: number }) => query.slice(from, to);
  parser.parse(query).iterate({
    enter({ name, type, node }) {
      if (type.isError) {
        throw new Error(`no PromQL at character ${node.from}: ${query.slice(node.from, node.from + 40)}`);
      }
      if (name === "VectorSelector") {
        const metric = node.getChild("Identifier");
        selectors.push(metric ? [{ label: "__name__", operator: "=", value: textOf(metric) }] : []);
      }
      if (name === "UnquotedLabelMatcher") {
        const [label, operator, value] = ["LabelName", "MatchOp", "StringLiteral"].map((part) =>
          textOf(node.getChild(part)!),
        );
        selectors.at(-1)?.push({
          label: label!,
          operator: operator!,
          value: JSON.parse(value!) as string,
        });
      }
      if (name === "GroupingLabels") grouping.push(...node.getChildren("LabelName").map(textOf));
    },
  });
  return { selectors, grouping };
}

const tests: Readonly<Record<string, (found: string, wanted: string) => boolean>> = {
  "=": (found, wanted) => found === wanted,
  "!=": (found, wanted) => found !== wanted,
  "=~": (found, wanted) => new RegExp(`^(?:${wanted})$`).test(found),
  "!~": (found, wanted) => !new RegExp(`^(?:${wanted})$`).test(found),
};

export const find = (all: readonly Series[], selector: Selector): readonly Series[] =>
  all.filter((series) =>
    selector.every(({ label, operator, value }) => tests[operator]!(series[label] ?? "", value)),
  );

/** The series of what an exporter serves, with the label that Prometheus adds. */
export function seriesOf(served: string): Series[] {
  return served
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [selector = []] = parsed(line.slice(0, line.lastIndexOf(" "))).selectors;
      return { ...Object.fromEntries(selector.map(({ label, value }) => [label, value])), job: "shop" };
    });
}

export const shown = (selector: Selector): string =>
  `{${selector.map(({ label, operator, value }) => `${label}${operator}"${value}"`).join(", ")}}`;
