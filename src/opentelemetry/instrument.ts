import { type MeterProvider, metrics, type TracerProvider, trace } from "@opentelemetry/api";
import { misuse } from "../core/browser/option-checks.ts";
import type { Idempotency } from "../core/contract/idempotency.ts";
import { checkOptionNames, type OptionNames } from "../core/contract/options/option-names.ts";
import { record } from "./metrics.ts";
import { traceCalls } from "./spans.ts";
import type { Table } from "./table-gauges.ts";

/** Options of {@link instrument}. */
export interface InstrumentOptions {
  /** Where spans go. Default: the global one, which may be registered later. `false`: there are none. */
  readonly tracerProvider?: TracerProvider | false;
  /** Where metrics go. Default: the global one. `false`: there are none. */
  readonly meterProvider?: MeterProvider | false;
  /**
   * The object whose table is observed: each collection of metrics has its `stats()` read the state, for gauges of what is in progress,
   * abandoned and expired, and of the size. Default: there are no such gauges. If the database does not answer within 2 seconds, the
   * collection goes on without them; see the warning `OnceonlyMetricsWarning`.
   */
  readonly idempotency?: Idempotency<unknown>;
}

/** Under way until it is stopped. */
export interface Instrumentation {
  /** Makes no more spans, counts nothing more, and removes the gauges. */
  stop(): void;
}

const OPTIONS: OptionNames<Required<InstrumentOptions>> = {
  tracerProvider: true,
  meterProvider: true,
  idempotency: true,
};
const NAME = "onceonly";

/** The one of this process. */
let current: Instrumentation | undefined;

/**
 * Makes spans and metrics of what becomes of calls, for all objects that `createIdempotency` has made in this process. Call it once, when
 * the process begins; a second call takes the place of the first.
 *
 * @throws TypeError for an option that cannot be used.
 */
export function instrument(options: InstrumentOptions = {}): Instrumentation {
  checkOptionNames(options, OPTIONS);
  const { tracerProvider = trace, meterProvider = metrics, idempotency } = options;
  checkProvider("tracerProvider", tracerProvider, "getTracer");
  checkProvider("meterProvider", meterProvider, "getMeter");
  checkIdempotency(idempotency);
  // Twice, each call would be counted twice.
  current?.stop();
  const stops = [
    ...(tracerProvider === false ? [] : [traceCalls(tracerProvider.getTracer(NAME))]),
    ...(meterProvider === false ? [] : [record(() => meterProvider.getMeter(NAME), idempotency)]),
  ];
  current = {
    stop() {
      for (const stop of stops.splice(0)) {
        stop();
      }
    },
  };
  return current;
}

function checkProvider(option: string, provider: unknown, member: string): void {
  const isOne =
    provider !== null && typeof (provider as Record<string, unknown> | undefined)?.[member] === "function";
  if (provider !== false && !isOne) {
    throw misuse(option, provider, "a provider of an OpenTelemetry SDK, or false");
  }
}

function checkIdempotency(idempotency: Partial<Table> | null | undefined): void {
  if (idempotency !== undefined && typeof idempotency?.stats !== "function") {
    throw misuse("idempotency", idempotency, "an object that createIdempotency has made");
  }
}
