/** The dashboard for Grafana, by its own SDK, whose types are Grafana's schema. */
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from "@grafana/grafana-foundation-sdk/dashboard";
import {
  callQuantile,
  callRate,
  ofTable,
  operationRate,
  processRate,
  share,
  waitQuantile,
  waitRate,
} from "./metrics.ts";
import { graph, number } from "./panels.ts";

const QUANTILES = { p50: 0.5, p95: 0.95, p99: 0.99 };

const quantiles = (of: (quantile: number) => string) =>
  Object.fromEntries(Object.entries(QUANTILES).map(([name, quantile]) => [name, of(quantile)]));

const ANSWERED = "executed|stored|replayed";

/** A variable of all values that a label has. */
const labelValues = (name: string, label: string, of: string) => {
  const query = `label_values(${of}, ${label})`;
  return new QueryVariableBuilder(name)
    .datasource({ type: "prometheus", uid: "${datasource}" })
    .query({ query, refId: `variable-${name}` })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue(".*")
    .current({ text: "All", value: "$__all" });
};

const CALLS = '{__name__=~"onceonly_call_duration(_seconds)?_count"}';
const CALLS_OF_JOB = '{__name__=~"onceonly_call_duration(_seconds)?_count", job=~"$job"}';

export function dashboard(): Dashboard {
  const builder = new DashboardBuilder("onceonly")
    .uid("onceonly")
    .description("Idempotent mutations by onceonly: what became of calls, and the state of the table.")
    .tags(["onceonly"])
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: "now-3h", to: "now" })
    .refresh("30s")
    .withVariable(new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"))
    .withVariable(labelValues("job", "job", CALLS).label("Job"))
    .withVariable(labelValues("operation", "onceonly_operation", CALLS_OF_JOB).label("Operation"));
  for (const [title, panels] of Object.entries(rows())) {
    builder.withRow(new RowBuilder(title));
    for (const panel of panels) {
      builder.withPanel(panel);
    }
  }
  const built = builder.build();
  for (const [index, panel] of (built.panels ?? []).entries()) {
    panel.id = index + 1;
  }
  return built;
}

const rows = () => ({
  Now: now(),
  Calls: calls(),
  Waiting: waiting(),
  "Leased runs": leases(),
  Table: table(),
});

const now = () => [
  number({
    title: "Calls",
    description: "All calls with a key, also those that are refused.",
    unit: "ops",
    queries: { calls: callRate(undefined) },
  }),
  number({
    title: "Replayed",
    description: "Part of the answered calls that got a stored answer: duplicates, and redelivered messages.",
    unit: "percentunit",
    queries: { replayed: share("replayed", ANSWERED) },
  }),
  number({
    title: "Failed",
    description:
      "Part of all calls that failed and may be sent again. Errors that are stored as answers are not among them.",
    unit: "percentunit",
    queries: { failed: share("released", ".+") },
    redFrom: 0.05,
  }),
  number({
    title: "In progress",
    description: "Leased runs that have not ended. Needs option idempotency of instrument().",
    unit: "short",
    queries: { "{{job}}": ofTable("onceonly_records_in_progress") },
  }),
  number({
    title: "Abandoned",
    description: "Leased runs whose lease has lapsed: a completer, or a retry of the client, ends them.",
    unit: "short",
    queries: { "{{job}}": ofTable("onceonly_records_abandoned") },
    redFrom: 1,
  }),
  number({
    title: "Oldest expired",
    description:
      "For how long the oldest expired record has been waiting to be pruned. More than some hours: nobody prunes.",
    unit: "s",
    queries: { "{{job}}": ofTable("onceonly_records_oldest_expired_age", "seconds") },
    redFrom: 86_400,
  }),
];

const calls = () => [
  graph({
    title: "Calls by outcome",
    description:
      "executed: a handler ran and its result is committed; stored: its error is; replayed: a duplicate got the stored answer; refused: no handler ran; released: the call failed, and its key is free for a retry.",
    unit: "ops",
    queries: { "{{onceonly_outcome}}": callRate("outcome") },
    stacked: true,
  }),
  graph({
    title: "Calls by operation",
    description: "All calls with a key.",
    unit: "ops",
    queries: { "{{onceonly_operation}}": callRate("operation") },
  }),
  graph({
    title: "Latency",
    description: "From the call to its end, waiting included.",
    unit: "s",
    queries: quantiles((quantile) => callQuantile(quantile)),
  }),
  graph({
    title: "Latency p95 by operation",
    description: "From the call to its end, waiting included.",
    unit: "s",
    queries: { "{{onceonly_operation}}": callQuantile(0.95, "operation") },
  }),
  graph({
    title: "Replayed by operation",
    description: "Part of the answered calls that got a stored answer.",
    unit: "percentunit",
    queries: { "{{onceonly_operation}}": share("replayed", ANSWERED, "operation") },
    width: 8,
  }),
  graph({
    title: "Refused by code",
    description:
      "No handler ran. KEY_REUSED: a client sent one key with two inputs; IN_PROGRESS: it came too early.",
    unit: "ops",
    queries: { "{{error_type}}": callRate("error", 'onceonly_outcome="refused"') },
    width: 8,
  }),
  graph({
    title: "Failed by error",
    description:
      "The call failed, and its key is free for a retry. By code, or by the name of the error's class.",
    unit: "ops",
    queries: { "{{error_type}}": callRate("error", 'onceonly_outcome="released"') },
    width: 8,
  }),
];

const waiting = () => [
  graph({
    title: "Waits by cause",
    description:
      "duplicate: for a call with the same key in this process; lease, lock: in another process; outage: for the database.",
    unit: "ops",
    queries: { "{{onceonly_wait_cause}}": waitRate("cause") },
    width: 8,
  }),
  graph({
    title: "How long calls waited",
    description: "Of the calls that waited at all.",
    unit: "s",
    queries: {
      ...quantiles((quantile) => waitQuantile(quantile)),
      "p95 {{onceonly_wait_cause}}": waitQuantile(0.95, "cause"),
    },
    width: 8,
  }),
  graph({
    title: "Repeated attempts by error",
    description: "Attempts that were rolled back after a write conflict, and repeated.",
    unit: "ops",
    queries: { "{{error_type}}": operationRate("onceonly_retries_total", "error") },
    width: 8,
  }),
];

const leases = () => [
  graph({
    title: "In progress and abandoned",
    description: "Leased runs in the table. Needs option idempotency of instrument().",
    unit: "short",
    queries: {
      "in progress, {{job}}": ofTable("onceonly_records_in_progress"),
      "abandoned, {{job}}": ofTable("onceonly_records_abandoned"),
    },
  }),
  graph({
    title: "Takeovers",
    description:
      "Handlers that began again after an execution without an end: its process died, lost its lease, or it threw.",
    unit: "ops",
    queries: { "{{onceonly_operation}}": operationRate("onceonly_takeovers_total", "operation") },
  }),
  graph({
    title: "Leases lost",
    description: "Executors that lost their lease. Taken over true: the database says that another has it.",
    unit: "ops",
    queries: {
      "taken over {{onceonly_lease_taken_over}}": operationRate("onceonly_leases_lost_total", "takenOver"),
    },
  }),
  graph({
    title: "Given up",
    description: "Abandoned runs that completers gave up: somebody has to look at what they were doing.",
    unit: "ops",
    queries: { "{{onceonly_operation}}": operationRate("onceonly_runs_given_up_total", "operation") },
  }),
];

const table = () => [
  graph({
    title: "Expired and not pruned",
    description: "Counted up to 100,000. Needs option idempotency of instrument().",
    unit: "short",
    queries: { "{{job}}": ofTable("onceonly_records_expired") },
    width: 8,
  }),
  graph({
    title: "Oldest expired",
    description: "For how long the oldest expired record has been waiting to be pruned.",
    unit: "s",
    queries: { "{{job}}": ofTable("onceonly_records_oldest_expired_age", "seconds") },
    width: 8,
  }),
  graph({
    title: "Size of the tables",
    description: "Both tables with their indexes. SQLite does not tell.",
    unit: "bytes",
    queries: { "{{job}}": ofTable("onceonly_table_size", "bytes") },
    width: 8,
  }),
  graph({
    title: "Pruned records",
    description: "Expired records that were deleted.",
    unit: "ops",
    queries: { deleted: processRate("onceonly_records_pruned_total") },
    width: 8,
  }),
  graph({
    title: "Pruning that failed",
    description: "Rounds, by error. The next round tries again.",
    unit: "ops",
    queries: { "{{error_type}}": processRate("onceonly_pruning_failures_total", "error") },
    width: 8,
  }),
  graph({
    title: "Calls without a key",
    description: "No record is kept of them, and a retry executes again.",
    unit: "ops",
    queries: { "{{onceonly_mode}}": processRate("onceonly_unkeyed_calls_total", "mode") },
    width: 8,
  }),
];
