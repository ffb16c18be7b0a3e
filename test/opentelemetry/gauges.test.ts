/** The state of the table, as an SDK of OpenTelemetry collects it. */
import { setTimeout as sleep } from "node:timers/promises";
import { metrics } from "@opentelemetry/api";
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type ViewOptions,
} from "@opentelemetry/sdk-metrics";
import { afterEach, describe, expect, test } from "vitest";
import { type Instrumentation, instrument } from "../../src/opentelemetry/index.ts";
import { lapse } from "../leases/helpers.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { door, expire, idempotencyOf, placing, request, warningsDuring } from "../support/runs.ts";

/** Prometheus reads cumulative metrics, and a reader of that kind is where the SDK keeps old values. */
function reading() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  return {
    reader,
    /** The value of each gauge, by its name; without those that are not observed. */
    async collect(): Promise<Record<string, number>> {
      exporter.reset();
      await reader.forceFlush();
      const scopes = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
      const gauges = scopes
        .flatMap((scope) => scope.metrics)
        .filter(({ descriptor: { name } }) => /^onceonly\.(?:records|table)\./.test(name))
        .filter(({ dataPointType }) => dataPointType === DataPointType.GAUGE);
      return Object.fromEntries(
        gauges.flatMap(({ descriptor, dataPoints }) =>
          (dataPoints as DataPoint<number>[]).map(({ value }) => [
            descriptor.name.replace("onceonly.", ""),
            value,
          ]),
        ),
      );
    },
  };
}

function observing(table: ReturnType<typeof idempotencyOf>, count = 1, views: ViewOptions[] = []) {
  const readers = Array.from({ length: count }, reading);
  const provider = new MeterProvider({ readers: readers.map(({ reader }) => reader), views });
  const instrumentation = instrument({
    meterProvider: provider,
    tracerProvider: false,
    idempotency: table,
  });
  return {
    collect: readers[0]!.collect,
    readers,
    instrumentation,
    async [Symbol.asyncDispose]() {
      instrumentation.stop();
      await provider.shutdown();
    },
  };
}

const renamed = (db: TestDatabase, from: string, to: string) =>
  db.query(`ALTER TABLE ${from} RENAME TO ${to}`);

describe.each(databases)("the gauges on $name", ({ name, open }) => {
  test("show what is in progress, abandoned and expired, and how large the tables are", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    await using metering = observing(idempotency);
    const size = name === "sqlite" ? {} : { "table.size": expect.any(Number) as number };
    const nothing = {
      "records.in_progress": 0,
      "records.abandoned": 0,
      "records.expired": 0,
      "records.oldest_expired.age": 0,
      ...size,
    };
    expect(await metering.collect()).toEqual(nothing);

    await idempotency
      .runLeased(request("abandoned"), async () => Promise.reject(new Error("down")))
      .catch(() => {});
    await lapse(db);
    const { wait, arrived, open: leave } = door();
    const run = idempotency.runLeased(request("under way"), async () => {
      await wait();
    });
    await arrived;
    await idempotency.run(request("old"), placing("old"));
    await expire(db, "old");
    const now = await metering.collect();
    leave();
    await run;
    expect(now).toEqual({
      ...nothing,
      "records.in_progress": 2,
      "records.abandoned": 1,
      "records.expired": 1,
      "records.oldest_expired.age": expect.any(Number) as number,
    });
    expect(now["records.oldest_expired.age"]).toBeGreaterThanOrEqual(1);
    if (name !== "sqlite") expect(now["table.size"]).toBeGreaterThan(1_000);

    await idempotency.prune();
    expect(await metering.collect()).toMatchObject({ "records.expired": 0, "records.oldest_expired.age": 0 });
  });

  test("are left out while the table cannot be read, with one warning, and are back afterwards", async () => {
    await using db = await open();
    await using metering = observing(idempotencyOf(db.prisma));
    const before = await metering.collect();
    expect(before).toMatchObject({ "records.expired": 0 });
    await renamed(db, "idempotency_record", "away");
    const warnings = await warningsDuring(async () => {
      expect(await metering.collect()).toEqual({});
      expect(await metering.collect()).toEqual({});
    });
    expect(warnings.map((warning) => warning.name)).toEqual(["OnceonlyMetricsWarning"]);
    expect(warnings[0]?.message).toMatch(
      /^onceonly: the state of the table cannot be read, .*idempotency_record/s,
    );
    await renamed(db, "away", "idempotency_record");
    expect(Object.keys(await metering.collect())).toEqual(Object.keys(before));

    await renamed(db, "idempotency_record", "away");
    expect(await warningsDuring(metering.collect)).toHaveLength(1);
  });
});

describe.each(databases.filter(({ name }) => name === "postgresql"))(
  "a table that $name has locked",
  ({ open }) => {
    test("does not hold a collection up, and is asked once, however many come", async () => {
      await using db = await open();
      const idempotency = idempotencyOf(db.prisma);
      let asked = 0;
      const stats = () => {
        asked += 1;
        return idempotency.stats();
      };
      await using metering = observing({ ...idempotency, stats });
      await metering.collect();
      await db.query("BEGIN");
      await db.query("LOCK TABLE idempotency_record IN ACCESS EXCLUSIVE MODE");
      try {
        const warnings = await warningsDuring(async () => {
          expect(await metering.collect()).toEqual({});
          expect(await metering.collect()).toEqual({});
        });
        expect(warnings.map(({ message }) => message)).toEqual([
          expect.stringContaining("has not answered within 2000 ms"),
        ]);
        expect(asked).toBe(2);
      } finally {
        await db.query("ROLLBACK");
      }
      await expect.poll(metering.collect).toMatchObject({ "records.expired": 0 });
    });
  },
);

const [{ open }] = databases as [(typeof databases)[0]];

test("readers that collect at the same time share one reading, and each gets it", async () => {
  await using db = await open();
  const idempotency = idempotencyOf(db.prisma);
  let asked = 0;
  const stats = async () => {
    asked += 1;
    await sleep(50);
    return idempotency.stats();
  };
  await using metering = observing({ ...idempotency, stats }, 2);
  const collected = await Promise.all(metering.readers.map(({ collect }) => collect()));
  expect(asked).toBe(1);
  for (const gauges of collected) expect(gauges).toMatchObject({ "records.in_progress": 0 });
});

test.each([
  ["of their own", []],
  // The SDK stores once for all readers what a view has.
  ["of a view", [{ instrumentName: "onceonly.*" }]],
])(
  "a value %s that one reader has read is not what another gets when the table is away",
  async (_, views) => {
    await using db = await open();
    await using metering = observing(idempotencyOf(db.prisma), 2, views);
    const [first, second] = metering.readers;
    expect(await first!.collect()).toMatchObject({ "records.in_progress": 0 });
    await renamed(db, "idempotency_record", "away");
    await warningsDuring(async () => expect(await second!.collect()).toEqual({}));
  },
);

test("a function that throws at once is a table that cannot be read, and is asked again", async () => {
  await using db = await open();
  const idempotency = idempotencyOf(db.prisma);
  let throws = true;
  const stats = () => {
    if (throws) throw new Error("at once");
    return idempotency.stats();
  };
  await using metering = observing({ ...idempotency, stats });
  expect(await warningsDuring(metering.collect)).toHaveLength(1);
  throws = false;
  expect(await metering.collect()).toMatchObject({ "records.in_progress": 0 });
});

test("stop() removes them, and the table is not asked any more", async () => {
  await using db = await open();
  const idempotency = idempotencyOf(db.prisma);
  let asked = 0;
  const stats = () => {
    asked += 1;
    return idempotency.stats();
  };
  await using metering = observing({ ...idempotency, stats });
  await metering.collect();
  metering.instrumentation.stop();
  expect(await metering.collect()).toEqual({});
  expect(asked).toBe(1);
});

test("without the option there are none", async () => {
  const { reader, collect } = reading();
  const provider = new MeterProvider({ readers: [reader] });
  const instrumentation = instrument({ meterProvider: provider, tracerProvider: false });
  expect(await collect()).toEqual({});
  instrumentation.stop();
  await provider.shutdown();
});

describe("an SDK that starts after instrument()", () => {
  let instrumentation: Instrumentation | undefined;
  afterEach(() => {
    instrumentation?.stop();
    metrics.disable();
  });

  test("gets them with the first call", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    instrumentation = instrument({ tracerProvider: false, idempotency });
    const { reader, collect } = reading();
    const provider = new MeterProvider({ readers: [reader] });
    metrics.setGlobalMeterProvider(provider);
    await idempotency.run(request("k"), placing("k"));
    expect(await collect()).toMatchObject({ "records.in_progress": 0 });
    await provider.shutdown();
  });
});

test.each([[{}], [null], [{ stats: 1 }], ["idempotency"], [() => undefined]])(
  "%j is refused as the object",
  (idempotency) => {
    expect(() => instrument({ idempotency } as never)).toThrow(
      /^onceonly: option idempotency is of type \w+.*; give an object that createIdempotency has made\.$/,
    );
  },
);
