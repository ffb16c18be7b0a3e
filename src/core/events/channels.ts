import { type Channel, channel, type TracingChannel, tracingChannel } from "node:diagnostics_channel";
import type { CallPhase, IdempotencyEvents, TracedCall } from "../contract/events.ts";

type Names<TName> = TName extends `onceonly:${infer TShort}` ? TShort : never;
export type EventName = Names<keyof IdempotencyEvents>;

const NAMES: Readonly<Record<EventName, true>> = {
  executed: true,
  stored: true,
  replayed: true,
  refused: true,
  released: true,
  retried: true,
  waited: true,
  takeover: true,
  "lease-lost": true,
  "given-up": true,
  pruned: true,
  unpruned: true,
  unkeyed: true,
};

const channels = Object.fromEntries(
  Object.keys(NAMES).map((name) => [name, channel(`onceonly:${name}`)]),
) as Record<EventName, Channel>;

const PHASES = ["run", "claim", "wait", "execute", "store"] as const satisfies readonly (CallPhase | "run")[];

const traced = Object.fromEntries(
  PHASES.map((phase) => [phase, tracingChannel(`onceonly:${phase}`)]),
) as Record<CallPhase | "run", TracingChannel<TracedCall>>;

/** Whether anybody listens. Asked once for each call: without a listener, nothing else of an event is made. */
export function isAnybodyListening(): boolean {
  return (
    PHASES.some((phase) => hasSubscribers(traced[phase])) ||
    Object.values(channels).some((each) => each.hasSubscribers)
  );
}

/** Node.js knows `hasSubscribers` of tracing channels since 20.13; other runtimes may not. */
function hasSubscribers({ start, end, asyncStart, asyncEnd, error }: TracingChannel<TracedCall>): boolean {
  return [start, end, asyncStart, asyncEnd, error].some((each) => each.hasSubscribers);
}

/** Tells all that listen. What they throw, Node.js reports as an uncaught exception of theirs. */
export function publish<TName extends EventName>(
  name: TName,
  message: () => IdempotencyEvents[`onceonly:${TName}`],
): void {
  const { [name]: each } = channels;
  if (each.hasSubscribers) {
    each.publish(message());
  }
}

export function tracingChannelOf(phase: CallPhase | "run"): TracingChannel<TracedCall> {
  return traced[phase];
}

/**
 * Runs `work` in the context of a tracing channel, as `tracePromise` does; but a message never gets the result, nor an error with its
 * message: both may hold what a client sent.
 */
export function inPhase<T>(
  phase: CallPhase | "run",
  message: TracedCall,
  work: () => Promise<T>,
): Promise<T> {
  const { start, end, asyncStart, asyncEnd, error } = traced[phase];
  const ended = () => {
    if (message.error !== undefined) {
      error.publish(message);
    }
    asyncStart.publish(message);
    asyncEnd.publish(message);
  };
  return start.runStores(message, () => {
    const working = work();
    end.publish(message);
    return working.finally(ended);
  });
}
