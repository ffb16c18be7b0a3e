/** Metrics as an SDK of OpenTelemetry collects them. */
import { metrics } from "@opentelemetry/api";
import {
  AggregationTemporality,
  type DataPoint,
  type Histogram,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import { describe, expect, test } from "vitest";
import { instrument } from "../../src/opentelemetry/index.ts";
import { databases } from "../support/database.ts";
import { expire, idempotencyOf, placing, request, underWay } from "../support/runs.ts";

function metering() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  const instrumentation = instrument({ meterProvider: provider, tracerProvider: false });
  return {
    /** The points of a metric: its attributes, and how many were counted. */
    async points(name: string): Promise<[attributes: unknown, count: number][]> {
      await reader.forceFlush();
      const metrics =
        exporter
          .getMetrics()
          .at(-1)
          ?.scopeMetrics.flatMap((scope) => scope.metrics) ?? [];
      const points = (metrics.find(({ descriptor }) => descriptor.name === name)?.dataPoints ??
        []) as DataPoint<number | Histogram>[];
      return points.map(({ attributes, value }) => [
        attributes,
        typeof value === "number" ? value : value.count,
      ]);
    },
    async [Symbol.asyncDispose]() {
      instrumentation.stop();
      await provider.shutdown();
    },
  };
}

test("a second instrument() takes the place of the first: nothing is counted twice, and stop() ends it", async () => {
  await using db = await databases[0]!.open();
  await using first = metering();
  await using second = metering();
  await idempotencyOf(db.prisma).run(request("k"), placing("k"));
  expect(await first.points("onceonly.call.duration")).toEqual([]);
  expect((await second.points("onceonly.call.duration")).map(([, count]) => count)).toEqual([1]);
});

test("the SDK may start after instrument()", async () => {
  const instrumentation = instrument({ tracerProvider: false });
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  metrics.setGlobalMeterProvider(provider);
  try {
    await using db = await databases[0]!.open();
    await idempotencyOf(db.prisma).run(request("k"), placing("k"));
    await reader.forceFlush();
    const [{ scopeMetrics }] = exporter.getMetrics() as [ResourceMetrics];
    expect(scopeMetrics[0]?.metrics.map(({ descriptor }) => descriptor.name)).toEqual([
      "onceonly.call.duration",
    ]);
  } finally {
    instrumentation.stop();
    metrics.disable();
    await provider.shutdown();
  }
});

const place = { "onceonly.operation": "orders.place", "onceonly.mode": "transaction" };

describe.each(databases)("$name", ({ open }) => {
  test("calls by how they ended, waits by their cause, and no time series for each key", async () => {
    await using db = await open();
    await using meter = metering();
    const idempotency = idempotencyOf(db.prisma);
    for (const key of ["a", "b", "a"]) await idempotency.run(request(key, { input: 1 }), placing(key));
    await idempotency.run(request("a", { input: 2 }), placing("a")).catch(() => {});
    await idempotency.run(request("c"), async () => Promise.reject(new RangeError("no"))).catch(() => {});
    const { first, openDoor } = await underWay(idempotency);
    const second = idempotency.run(request("k"), placing("k"));
    openDoor();
    await Promise.all([first, second]);
    await idempotency.runUnkeyed(placing("u"));
    await expire(db);
    await idempotency.prune();
    expect(await meter.points("onceonly.call.duration")).toEqual([
      [{ ...place, "onceonly.outcome": "executed" }, 3],
      [{ ...place, "onceonly.outcome": "replayed" }, 2],
      [{ ...place, "onceonly.outcome": "refused", "error.type": "KEY_REUSED" }, 1],
      [{ ...place, "onceonly.outcome": "released", "error.type": "RangeError" }, 1],
    ]);
    expect(await meter.points("onceonly.wait.duration")).toEqual([
      [{ ...place, "onceonly.wait.cause": "duplicate" }, 1],
    ]);
    expect(await meter.points("onceonly.unkeyed.calls")).toEqual([[{ "onceonly.mode": "transaction" }, 1]]);
    expect(await meter.points("onceonly.records.pruned")).toEqual([[{}, 3]]);
  });
});
