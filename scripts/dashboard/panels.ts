import * as common from "@grafana/grafana-foundation-sdk/common";
import {
  LegendDisplayMode,
  LegendPlacement,
  SortOrder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
} from "@grafana/grafana-foundation-sdk/common";
import { ThresholdsConfigBuilder, ThresholdsMode } from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import * as stat from "@grafana/grafana-foundation-sdk/stat";
import * as timeseries from "@grafana/grafana-foundation-sdk/timeseries";

const DATASOURCE = { type: "prometheus", uid: "${datasource}" };

export interface PanelFacts {
  readonly title: string;
  readonly description: string;
  /** Of Grafana: `ops`, `s`, `percentunit`, `bytes`, `short`. */
  readonly unit: string;
  /** Queries, by what the legend says of them. */
  readonly queries: Readonly<Record<string, string>>;
  /** Of 24. */
  readonly width?: number;
  readonly stacked?: boolean;
  /** From what value on a number is red. */
  readonly redFrom?: number;
}

const queriesOf = ({ queries }: PanelFacts, isInstant: boolean) =>
  Object.entries(queries).map(([legend, expr], index) => {
    const query = new DataqueryBuilder()
      .refId(String.fromCodePoint(65 + index))
      .expr(expr)
      .legendFormat(legend)
      .datasource(DATASOURCE);
    return isInstant ? query.instant() : query.range();
  });

/** Lines over time. */
export function graph(facts: PanelFacts): timeseries.PanelBuilder {
  const { title, description, unit, width = 12, stacked = false } = facts;
  return new timeseries.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .targets(queriesOf(facts, false))
    .unit(unit)
    .min(0)
    .height(8)
    .span(width)
    .fillOpacity(stacked ? 30 : 8)
    .showPoints(VisibilityMode.Never)
    .stacking(new common.StackingConfigBuilder().mode(stacked ? StackingMode.Normal : StackingMode.None))
    .tooltip(new common.VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .legend(
      new common.VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom),
    );
}

/** One number, as it is now. */
export function number(facts: PanelFacts): stat.PanelBuilder {
  const { title, description, unit, width = 4, redFrom } = facts;
  const steps = [
    { value: null, color: "green" },
    ...(redFrom === undefined ? [] : [{ value: redFrom, color: "red" }]),
  ];
  return new stat.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .targets(queriesOf(facts, true))
    .unit(unit)
    .height(4)
    .span(width)
    .noValue("-")
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps));
}
