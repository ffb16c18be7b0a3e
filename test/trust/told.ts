/** All that a process tells of its calls, other than to the client: on channels, as warnings, on its outputs, as spans and metrics. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { inspect } from "node:util";
import { context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { vi } from "vitest";
import type { IdempotencyEvents } from "../../src/core/contract/events.ts";
import { instrument } from "../../src/opentelemetry/index.ts";

const EVENTS: Readonly<Record<keyof IdempotencyEvents, true>> = {
  "onceonly:executed": true,
  "onceonly:stored": true,
  "onceonly:replayed": true,
  "onceonly:refused": true,
  "onceonly:released": true,
  "onceonly:retried": true,
  "onceonly:waited": true,
  "onceonly:takeover": true,
  "onceonly:lease-lost": true,
  "onceonly:given-up": true,
  "onceonly:pruned": true,
  "onceonly:unpruned": true,
  "onceonly:unkeyed": true,
};
const PHASES = ["run", "claim", "wait", "execute", "store"].flatMap((phase) =>
  ["start", "end", "asyncStart", "asyncEnd", "error"].map((part) => `tracing:onceonly:${phase}:${part}`),
);

const shown = (value: unknown): string =>
  inspect(value, { depth: 12, showHidden: true, maxStringLength: Infinity, maxArrayLength: Infinity });

/** Collects all of it as texts, with where it was told. Console and outputs of the whole process are not written meanwhile. */
export function collectTold() {
  const told: [where: string, text: string][] = [];
  const tell = (where: string, value: unknown) => {
    told.push([where, shown(value)]);
  };
  const stops: (() => void)[] = [];
  for (const name of [...Object.keys(EVENTS), ...PHASES]) {
    const listener = (message: unknown) => tell(name, message);
    subscribe(name, listener);
    stops.push(() => unsubscribe(name, listener));
  }
  const onWarning = (warning: Error) => tell("warning", [warning.name, warning.message]);
  process.on("warning", onWarning);
  stops.push(() => process.off("warning", onWarning));
  for (const method of ["log", "info", "warn", "error", "debug", "trace"] as const) {
    const spy = vi.spyOn(console, method).mockImplementation((...args) => tell(`console.${method}`, args));
    stops.push(() => spy.mockRestore());
  }
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const spans = new InMemorySpanExporter();
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  const metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: metrics, exportIntervalMillis: 3_600_000 });
  const meterProvider = new MeterProvider({ readers: [reader] });
  const instrumentation = instrument({ tracerProvider, meterProvider });
  return {
    /** What was told since the beginning, when all of it has arrived. */
    async all(): Promise<readonly (readonly [where: string, text: string])[]> {
      // Node tells of a warning in a later turn.
      await new Promise((resolve) => setImmediate(resolve));
      await reader.forceFlush();
      const finished = spans
        .getFinishedSpans()
        .map(({ name, attributes, events, links, status }) => [name, attributes, events, links, status]);
      return [...told, ["spans", shown(finished)], ["metrics", shown(metrics.getMetrics().at(-1))]];
    },
    async [Symbol.asyncDispose]() {
      for (const stop of stops) stop();
      instrumentation.stop();
      context.disable();
      await Promise.all([meterProvider.shutdown(), tracerProvider.shutdown()]);
    },
  };
}
