/** The dashboard and the rules ask for what the exporter serves: each name, label and value, after traffic that made it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dashboard } from "../../scripts/dashboard/dashboard.ts";
import { alertTests, dashboardFile, panelsOf, rules, shownBy } from "./files.ts";
import { filledIn, find, parsed, type Series, seriesOf, shown } from "./promql.ts";
import { openServed, tellsSize } from "./served.ts";

let app: Awaited<ReturnType<typeof openServed>>;
let served: Series[];

beforeAll(async () => {
  app = await openServed();
  await app.drive();
  served = seriesOf(await app.read());
});
afterAll(() => app[Symbol.asyncDispose]());

const recorded = new Map(
  rules().flatMap(({ record, expr }) => (record === undefined ? [] : [[record, expr]])),
);

const isLeftOut = (expr: string) => !tellsSize && expr.includes("onceonly_table_size");

/** What a query asks for that is served by nobody, and labels that it groups by and no series has. */
function missing(expr: string, all: readonly Series[] = served): string[] {
  if (isLeftOut(expr)) return [];
  const { selectors, grouping } = parsed(filledIn(expr));
  const names = selectors.map((selector) => selector.find(({ label }) => label === "__name__")?.value ?? "");
  const found = selectors.map((selector, index) => {
    const source = recorded.get(names[index]!);
    // What a rule records has the labels that it groups by.
    const labels = source === undefined ? [] : parsed(source).grouping;
    return source === undefined
      ? find(all, selector)
      : find(
          servedBy(source, all),
          selector.filter(({ label }) => label !== "__name__" && labels.includes(label)),
        );
  });
  return [
    ...selectors.filter((_, index) => found[index]!.length === 0).map(shown),
    ...grouping.filter((label) => !found.flat().some((series) => label in series)),
  ];
}

const servedBy = (expr: string, all: readonly Series[]) =>
  parsed(expr).selectors.flatMap((selector) => find(all, selector));

/** As the OpenTelemetry Collector, and Prometheus when it is sent OTLP, name the metrics: with their units. */
const withUnits = (all: readonly Series[]): Series[] =>
  all.map(({ __name__: name = "", ...labels }) => ({
    ...labels,
    __name__: name
      .replace(/^onceonly_(call|wait)_duration/, "$&_seconds")
      .replace(/_age$/, "$&_seconds")
      .replace(/_size$/, "$&_bytes"),
  }));

describe("the dashboard", () => {
  test("is the one that scripts/dashboard builds: otherwise npm run dashboard", () => {
    expect(dashboardFile()).toEqual(JSON.parse(JSON.stringify(dashboard())));
  });

  test.each(shownBy(dashboardFile()))("$title: $legend asks for what is served", ({ expr, legend }) => {
    expect(missing(expr)).toEqual([]);
    const { grouping } = parsed(filledIn(expr));
    for (const [, label] of legend.matchAll(/\{\{(\w+)\}\}/g)) expect(grouping).toContain(label);
  });

  test("has variables whose values are served", () => {
    const queries = (dashboardFile().templating.list ?? []).flatMap(({ definition }) =>
      definition === undefined ? [] : [definition],
    );
    const values = queries.map((query) => {
      const [, of = "", label = ""] = /^label_values\((.*), (\w+)\)$/.exec(query) ?? [];
      const [selector = []] = parsed(filledIn(of)).selectors;
      return new Set(find(served, selector).map((series) => series[label]));
    });
    expect(values).toEqual([new Set(["shop"]), new Set(["orders.place"])]);
  });

  test("has a panel for each metric", () => {
    const asked = shownBy(dashboardFile()).flatMap(({ expr }) =>
      parsed(filledIn(expr)).selectors.flatMap((selector) => find(served, selector)),
    );
    // Sums of histograms nobody asks for.
    const names = new Set(served.map(({ __name__ }) => __name__!.replace(/_(?:sum|count|bucket)$/, "")));
    names.delete("target_info");
    const shownNames = new Set(asked.map(({ __name__ }) => __name__!.replace(/_(?:sum|count|bucket)$/, "")));
    expect([...shownNames].sort()).toEqual([...names].sort());
    expect(names.size).toBeGreaterThan(10);
  });

  test("fills its rows, and each panel has a number of its own and says what it shows", () => {
    const { panels = [] } = dashboardFile();
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const places = panelsOf(dashboardFile()).map(({ gridPos, description }) => {
      expect(description).toMatch(/\.$/);
      return gridPos!;
    });
    for (const line of new Set(places.map(({ y }) => y))) {
      const widths = places.filter(({ y }) => y === line).map(({ w }) => w);
      expect(widths.reduce((sum, width) => sum + width)).toBe(24);
    }
  });
});

describe("the rules", () => {
  const named = rules().map((rule) => ({ ...rule, name: rule.alert ?? rule.record }));

  test.each(named)("$name asks for what is served", ({ expr, annotations = {} }) => {
    expect(missing(expr)).toEqual([]);
    const { grouping, selectors } = parsed(expr);
    const labels = new Set([
      ...grouping,
      ...selectors.flatMap((selector) =>
        selector.flatMap(({ value }) => parsed(recorded.get(value) ?? "a").grouping),
      ),
    ]);
    for (const [, label] of Object.values(annotations)
      .join("")
      .matchAll(/\$labels\.(\w+)/g)) {
      expect(labels).toContain(label);
    }
  });

  test("say what is the matter, how bad it is, and what to do", () => {
    const alerts = rules().filter(({ alert }) => alert !== undefined);
    expect(alerts.length).toBeGreaterThanOrEqual(11);
    for (const { labels, annotations } of alerts) {
      expect(labels).toEqual({ severity: expect.stringMatching(/^(?:critical|warning)$/) as string });
      expect(annotations?.["summary"]).toMatch(/^\{\{ \$labels\.job \}\}: /);
      expect(annotations?.["description"]?.length).toBeGreaterThan(100);
    }
  });

  test("are each seen to alert, and not to, by promtool", () => {
    const names = rules().flatMap(({ alert }) => alert ?? []);
    const tested = (isFiring: boolean) =>
      new Set(
        alertTests()
          .filter(({ exp_alerts: alerts = [] }) => alerts.length > 0 === isFiring)
          .map(({ alertname }) => alertname),
      );
    expect([...tested(true)].sort()).toEqual([...names].sort());
    expect([...tested(false)].sort()).toEqual([...names].sort());
  });
});

test("exporters that append the units serve all of it too", () => {
  const queries = [...shownBy(dashboardFile()), ...rules()].map(({ expr }) => expr);
  const names = withUnits(served).map(({ __name__ }) => __name__);
  expect(names).toContain("onceonly_call_duration_seconds_bucket");
  expect(names).not.toContain("onceonly_call_duration_bucket");
  expect(queries.flatMap((expr) => missing(expr, withUnits(served)))).toEqual([]);
});

test("a query that asks for what nobody serves is found", () => {
  expect(missing('sum by (job) (rate(onceonly_retries_total{error_type="P2034"}[1m]))')).toEqual([]);
  expect(missing("sum by (job) (rate(onceonly_retrys_total[1m]))")).toEqual([
    '{__name__="onceonly_retrys_total"}',
    "job",
  ]);
  expect(missing('onceonly_retries_total{error_type="P1"}')).toHaveLength(1);
  expect(missing("sum by (outcome) (onceonly_retries_total)")).toEqual(["outcome"]);
  expect(() => parsed("sum(rate(x[1m])")).toThrow("no PromQL");
});
