/** The metrics as Prometheus names them. */

/**
 * Exporters that append the unit (the OpenTelemetry Collector, and Prometheus when it is sent OTLP) name histograms and some gauges
 * otherwise than @opentelemetry/exporter-prometheus does. A query has to find both.
 */
const either = (name: string, unit: string, suffix = "") => `__name__=~"${name}(_${unit})?${suffix}"`;

const selector = (...matchers: string[]) => `{${['job=~"$job"', ...matchers].join(", ")}}`;

const OPERATION = 'onceonly_operation=~"$operation"';

const ofOperation = (name: string) => (matchers: string[]) => selector(name, OPERATION, ...matchers);

const calls = ofOperation(either("onceonly_call_duration", "seconds", "_count"));
const callBuckets = ofOperation(either("onceonly_call_duration", "seconds", "_bucket"));
const waits = ofOperation(either("onceonly_wait_duration", "seconds", "_count"));
const waitBuckets = ofOperation(either("onceonly_wait_duration", "seconds", "_bucket"));

const rate = (by: readonly string[], series: string) =>
  by.length === 0
    ? `sum(rate(${series}[$__rate_interval]))`
    : `sum by (${by.join(", ")}) (rate(${series}[$__rate_interval]))`;

const by = {
  outcome: ["onceonly_outcome"],
  operation: ["onceonly_operation"],
  error: ["error_type"],
  cause: ["onceonly_wait_cause"],
  mode: ["onceonly_mode"],
  takenOver: ["onceonly_lease_taken_over"],
} as const;

export type By = keyof typeof by | undefined;

const labels = (each: By) => (each === undefined ? [] : by[each]);

/** Calls per second. */
export const callRate = (each: By, ...matchers: string[]) => rate(labels(each), calls(matchers));

export const callQuantile = (quantile: number, each?: By) =>
  `histogram_quantile(${quantile}, ${rate(["le", ...labels(each)], callBuckets([]))})`;

/** Waits per second. */
export const waitRate = (each: By) => rate(labels(each), waits([]));

export const waitQuantile = (quantile: number, each?: By) =>
  `histogram_quantile(${quantile}, ${rate(["le", ...labels(each)], waitBuckets([]))})`;

/** Per second, of a counter whose series have an operation. */
export const operationRate = (name: string, each: By) => rate(labels(each), `${name}${selector(OPERATION)}`);

/** Per second, of a counter whose series have none. */
export const processRate = (name: string, each?: By) => rate(labels(each), `${name}${selector()}`);

/** Every process tells of the same table. */
export const ofTable = (name: string, unit?: string) =>
  `max by (job) (${unit === undefined ? `${name}${selector()}` : selector(either(name, unit))})`;

/** The part of the calls of `outcomes` that ended as `outcome`. */
export const share = (outcome: string, outcomes: string, each?: By) =>
  `${callRate(each, `onceonly_outcome="${outcome}"`)} / ${callRate(each, `onceonly_outcome=~"${outcomes}"`)}`;
