import type { ObservableGauge } from "@opentelemetry/api";

/** Of a gauge of the SDK, what stores its values for each reader. Private members, of versions 1 and 2. */
interface Storage {
  /** What was observed for another reader, and is to be reported by this one. */
  readonly _deltaMetricStorage?: { readonly collect?: () => unknown };
  readonly _temporalMetricStorage?: {
    readonly _reportHistory?: Map<unknown, unknown>;
    readonly _unreportedAccumulations?: Map<unknown, unknown[]>;
  };
}

/**
 * Has the SDK report no value of a gauge that is not observed this time. Where the temporality is cumulative, as it is for
 * Prometheus, the SDK of JavaScript reports the value observed last for ever, though the specification says otherwise: a database
 * that is away would look as it did before. The API has no other way. NaN instead would make OTLP over JSON lose all metrics of the
 * collection. Where an SDK has other members, nothing happens.
 */
export function forgetLastValue(gauge: ObservableGauge): void {
  const { _metricStorages: storages } = gauge as { readonly _metricStorages?: readonly Storage[] };
  /* oxlint-disable no-underscore-dangle -- its names */
  for (const { _deltaMetricStorage: observed, _temporalMetricStorage: reported } of storages ?? []) {
    observed?.collect?.();
    reported?._reportHistory?.clear();
    for (const unreported of reported?._unreportedAccumulations?.values() ?? []) {
      unreported.length = 0;
    }
  }
  /* oxlint-enable no-underscore-dangle */
}
