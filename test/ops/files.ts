/** What the package ships for those who operate it. */
import { readFileSync } from "node:fs";
import type { Dashboard, Panel } from "@grafana/grafana-foundation-sdk/dashboard";
import { parse } from "yaml";

const read = (path: string) => readFileSync(new URL(`../../ops/${path}`, import.meta.url), "utf8");

export interface Shown {
  readonly title: string;
  readonly expr: string;
  readonly legend: string;
}

export const dashboardFile = (): Dashboard => JSON.parse(read("grafana/onceonly.json")) as Dashboard;

export const panelsOf = ({ panels = [] }: Dashboard): Panel[] =>
  panels.filter((panel): panel is Panel => panel.type !== "row");

/** The queries of the panels. */
export const shownBy = (dashboard: Dashboard): Shown[] =>
  panelsOf(dashboard).flatMap(({ title = "", targets = [] }) =>
    targets.map((target) => {
      const { expr, legendFormat } = target as unknown as { expr: string; legendFormat: string };
      return { title, expr, legend: legendFormat };
    }),
  );

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export const rules = (): Rule[] =>
  (parse(read("prometheus/onceonly.rules.yml")) as { groups: { rules: Rule[] }[] }).groups.flatMap(
    (group) => group.rules,
  );

interface AlertTest {
  readonly alertname: string;
  readonly exp_alerts?: unknown[];
}

export const alertTests = (): AlertTest[] =>
  (
    parse(read("prometheus/onceonly.rules.test.yml")) as { tests: { alert_rule_test: AlertTest[] }[] }
  ).tests.flatMap((each) => each.alert_rule_test);
