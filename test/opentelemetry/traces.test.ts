/** Spans as an SDK of OpenTelemetry gets them: real ones, over real databases. */
import { context, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Instrumentation, instrument } from "../../src/opentelemetry/index.ts";
import { databases } from "../support/database.ts";
import { idempotencyOf, orderOf, placing, request, underWay } from "../support/runs.ts";

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const tracer = provider.getTracer("test");
let instrumentation: Instrumentation;

beforeEach(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  instrumentation = instrument({ tracerProvider: provider, meterProvider: false });
});

afterEach(() => {
  instrumentation.stop();
  context.disable();
  exporter.reset();
});

/** Each span as `parent > name`, in the order of their ends. */
function tree(): string[] {
  const spans = exporter.getFinishedSpans();
  const nameOf = (id: string | undefined) =>
    spans.find((span) => span.spanContext().spanId === id)?.name ?? "nothing";
  return spans.map((span) => `${nameOf(span.parentSpanContext?.spanId)} > ${span.name}`);
}

const named = (name: string): ReadableSpan | undefined =>
  exporter.getFinishedSpans().find((span) => span.name === name);

describe.each(databases)("$name", ({ open }) => {
  test("a run is a span of the request, its parts are its children, and what the handler does is in its execution", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    await tracer.startActiveSpan("request", async (span) => {
      await idempotency.run(request("k"), async ({ tx }) => {
        tracer.startSpan("of the handler").end();
        await tx.order.create({ data: orderOf("k") });
        tracer.startSpan("after a statement").end();
      });
      tracer.startSpan("after the run").end();
      span.end();
    });
    expect(tree()).toEqual([
      "onceonly orders.place > onceonly.claim",
      "onceonly.execute > of the handler",
      "onceonly.execute > after a statement",
      "onceonly orders.place > onceonly.execute",
      "onceonly orders.place > onceonly.store",
      "request > onceonly orders.place",
      "request > after the run",
      "nothing > request",
    ]);
    expect(named("onceonly orders.place")?.attributes).toEqual({
      "onceonly.operation": "orders.place",
      "onceonly.mode": "transaction",
      "onceonly.record.id": expect.any(String),
      "onceonly.outcome": "executed",
    });
    expect(named("onceonly.execute")?.attributes).toMatchObject({ "onceonly.attempt": 1 });
  });

  test("a duplicate that waits shows the wait, and a replay no execution", async () => {
    await using db = await open();
    const { first, openDoor, place } = await underWay(idempotencyOf(db.prisma));
    exporter.reset();
    openDoor();
    await first;
    await idempotencyOf(db.prisma).run(request("k"), place);
    const last = exporter.getFinishedSpans().slice(-2);
    expect(last.map(({ name }) => name)).toEqual(["onceonly.claim", "onceonly orders.place"]);
    expect(last[1]?.attributes["onceonly.outcome"]).toBe("replayed");
    expect(last[1]?.status.code).toBe(SpanStatusCode.UNSET);
  });

  test("errors are marked by their type, and no message of theirs is in a span", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const failing = idempotency.run(request("k"), async () =>
      Promise.reject(new RangeError("of ada lovelace")),
    );
    await failing.catch(() => {});
    const span = named("onceonly orders.place");
    expect([span?.status.code, span?.attributes["error.type"], span?.attributes["onceonly.outcome"]]).toEqual(
      [SpanStatusCode.ERROR, "RangeError", "released"],
    );
    expect(
      JSON.stringify(
        exporter.getFinishedSpans().map(({ attributes, events, status }) => [attributes, events, status]),
      ),
    ).not.toContain("lovelace");
  });
});

test("without the SDK's context manager spans are made, if not as children", async () => {
  instrumentation.stop();
  context.disable();
  instrumentation = instrument({ tracerProvider: provider, meterProvider: false });
  await using db = await databases[0]!.open();
  await idempotencyOf(db.prisma).run(request("k"), placing("k"));
  expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual([
    "onceonly.claim",
    "onceonly.execute",
    "onceonly.store",
    "onceonly orders.place",
  ]);
});

test("stop() ends it, and nothing is made any more", async () => {
  instrumentation.stop();
  await using db = await databases[0]!.open();
  await idempotencyOf(db.prisma).run(request("k"), placing("k"));
  expect(exporter.getFinishedSpans()).toEqual([]);
});

test("a provider that is registered later is found through the API", async () => {
  instrumentation.stop();
  instrumentation = instrument({ meterProvider: false });
  trace.setGlobalTracerProvider(provider);
  try {
    await using db = await databases[0]!.open();
    await idempotencyOf(db.prisma).run(request("k"), placing("k"));
    expect(named("onceonly orders.place")).toBeDefined();
  } finally {
    trace.disable();
  }
});

test.each([
  [{ tracerProvider: true }, "option tracerProvider is of type boolean"],
  [{ meterProvider: null }, "option meterProvider is of type null"],
  [{ tracerProvidr: provider }, "did you mean tracerProvider?"],
])("%# is refused by name", (options, words) => {
  expect(() => instrument(options as never)).toThrow(words);
});
