import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Attributes, Meter } from "@opentelemetry/api";
import type { CallEvent, IdempotencyEvents } from "../core/contract/events.ts";
import { type Table, TableGauges } from "./table-gauges.ts";

type Listeners = {
  readonly [TName in keyof IdempotencyEvents]: (message: IdempotencyEvents[TName]) => void;
};

/** A record, so that a channel without a place here does not compile. */
const NAMES: Readonly<Record<keyof IdempotencyEvents, true>> = {
  "onceonly:executed": true,
  "onceonly:stored": true,
  "onceonly:replayed": true,
  "onceonly:refused": true,
  "onceonly:released": true,
  "onceonly:waited": true,
  "onceonly:retried": true,
  "onceonly:takeover": true,
  "onceonly:lease-lost": true,
  "onceonly:given-up": true,
  "onceonly:pruned": true,
  "onceonly:unpruned": true,
  "onceonly:unkeyed": true,
};

/** Seconds: from a replay out of memory to a run that waited for a failover. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/**
 * Counts events, and measures how long calls take and wait; of `table`, observes the state. Returns what ends that.
 *
 * At the first event the meter is asked for again: the API forgets what a meter made before the SDK was there.
 */
export function record(meter: () => Meter, table?: Table): () => void {
  const gauges = table && new TableGauges(table);
  gauges?.use(meter());
  let listeners: Listeners | undefined;
  const begin = () => {
    const current = meter();
    gauges?.use(current);
    return listenersOf(current);
  };
  const stops = Object.keys(NAMES).map((name) => {
    const listen = (message: unknown) => {
      listeners ??= begin();
      listeners[name as keyof IdempotencyEvents](message as never);
    };
    subscribe(name, listen);
    return () => unsubscribe(name, listen);
  });
  return () => {
    for (const stop of stops) {
      stop();
    }
    gauges?.stop();
  };
}

function listenersOf(meter: Meter): Listeners {
  const advice = { explicitBucketBoundaries: BUCKETS };
  const calls = meter.createHistogram("onceonly.call.duration", {
    description: "How long calls took, waiting included, by how they ended.",
    unit: "s",
    advice,
  });
  const waits = meter.createHistogram("onceonly.wait.duration", {
    description: "How long calls waited for a duplicate, a lease, a lock or the database.",
    unit: "s",
    advice,
  });
  const counter = (name: string, unit: string, description: string) =>
    meter.createCounter(name, { unit, description });
  const retries = counter("onceonly.retries", "{attempt}", "Attempts that were rolled back and repeated.");
  const takeovers = counter(
    "onceonly.takeovers",
    "{attempt}",
    "Handlers that began again, after one without an end.",
  );
  const lost = counter("onceonly.leases.lost", "{lease}", "Leases that their executor has lost.");
  const givenUp = counter("onceonly.runs.given_up", "{run}", "Abandoned runs that completers gave up.");
  const pruned = counter("onceonly.records.pruned", "{record}", "Expired records that were deleted.");
  const unpruned = counter("onceonly.pruning.failures", "{round}", "Rounds of pruning that failed.");
  const unkeyed = counter(
    "onceonly.unkeyed.calls",
    "{call}",
    "Calls without a key, of which no record is kept.",
  );
  const ended = (
    outcome: "executed" | "stored" | "replayed" | "refused" | "released",
    event: CallEvent & { readonly durationMs: number },
    more: Attributes = {},
  ) => calls.record(event.durationMs / 1_000, { ...of(event), "onceonly.outcome": outcome, ...more });
  return {
    "onceonly:executed": (event) => ended("executed", event),
    "onceonly:stored": (event) => ended("stored", event, errorOf(event.error)),
    "onceonly:replayed": (event) => ended("replayed", event),
    "onceonly:refused": (event) => ended("refused", event, { "error.type": event.code }),
    "onceonly:released": (event) => ended("released", event, errorOf(event.error)),
    "onceonly:waited": (event) =>
      waits.record(event.durationMs / 1_000, { ...of(event), "onceonly.wait.cause": event.cause }),
    "onceonly:retried": (event) => retries.add(1, { ...of(event), ...errorOf(event.error) }),
    "onceonly:takeover": (event) => takeovers.add(1, of(event)),
    "onceonly:lease-lost": (event) =>
      lost.add(1, { ...of(event), "onceonly.lease.taken_over": event.takenOver }),
    "onceonly:given-up": (event) => givenUp.add(1, of(event)),
    "onceonly:pruned": ({ deleted, error }) => {
      pruned.add(deleted);
      if (error !== undefined) {
        unpruned.add(1, errorOf(error));
      }
    },
    // The gauge of the oldest expired record says it all.
    "onceonly:unpruned": () => {},
    "onceonly:unkeyed": ({ mode }) => unkeyed.add(1, { "onceonly.mode": mode }),
  };
}

/** No record's id: each would be a time series of its own. */
function of({ operation, mode }: CallEvent): Attributes {
  return { "onceonly.operation": operation, ...(mode === undefined ? {} : { "onceonly.mode": mode }) };
}

function errorOf({ name, code }: { readonly name: string; readonly code: string | undefined }): Attributes {
  return { "error.type": code ?? name };
}
