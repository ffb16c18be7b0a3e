import type { AsyncLocalStorage } from "node:async_hooks";
import { type Channel, tracingChannel } from "node:diagnostics_channel";
import {
  type Attributes,
  type Context,
  context,
  type Span,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { TracedCall } from "../core/contract/events.ts";

const PARTS = ["run", "claim", "wait", "execute", "store"] as const;

/** Makes a span of each call and of each of its parts. Returns what ends that. */
export function traceCalls(tracer: Tracer): () => void {
  const stops = PARTS.map((part) => tracePart(tracer, part));
  return () => {
    for (const stop of stops) {
      stop();
    }
  };
}

function tracePart(tracer: Tracer, part: (typeof PARTS)[number]): () => void {
  const channel = tracingChannel<TracedCall, TracedCall>(`onceonly:${part}`);
  const spans = new WeakMap<TracedCall, Span>();
  const begin = (call: TracedCall): Span => {
    const name = part === "run" ? `onceonly ${call.operation}` : `onceonly.${part}`;
    const span = tracer.startSpan(name, { attributes: attributesOf(call) });
    spans.set(call, span);
    return span;
  };
  const subscribers = {
    start: (call: TracedCall) => {
      if (!spans.has(call)) {
        begin(call);
      }
    },
    end: () => {},
    asyncStart: () => {},
    asyncEnd: (call: TracedCall) => {
      const span = spans.get(call);
      span?.setAttributes(attributesOf(call));
      const { error } = call;
      if (error !== undefined) {
        span?.setAttribute("error.type", error.code ?? error.name);
        span?.setStatus({ code: SpanStatusCode.ERROR });
      }
      span?.end();
    },
    error: () => {},
  };
  // Before the subscribers: those of `start` are called inside.
  const storage = storageOfContexts();
  // Its types take the message for what is stored.
  const start: Channel<Context, TracedCall> = channel.start as Channel<never, never>;
  if (storage !== undefined) {
    start.bindStore(storage, (call) => trace.setSpan(context.active(), begin(call)));
  }
  channel.subscribe(subscribers);
  return () => {
    channel.unsubscribe(subscribers);
    if (storage !== undefined) {
      start.unbindStore(storage);
    }
  };
}

function attributesOf({ operation, mode, id, attempt, outcome }: TracedCall): Attributes {
  return {
    "onceonly.operation": operation,
    ...(mode === undefined ? {} : { "onceonly.mode": mode }),
    ...(id === undefined ? {} : { "onceonly.record.id": id }),
    ...(attempt === undefined ? {} : { "onceonly.attempt": attempt }),
    ...(outcome === undefined ? {} : { "onceonly.outcome": outcome }),
  };
}

/**
 * Where the context manager of OpenTelemetry's SDK keeps the active context, so that spans made in a handler are children of that of
 * its execution. Its API has no other way for whoever does not call the handler. Without it, they are siblings.
 */
function storageOfContexts(): AsyncLocalStorage<Context> | undefined {
  const api = context as unknown as {
    _getContextManager?: () => { readonly _asyncLocalStorage?: AsyncLocalStorage<Context> } | undefined;
  };
  // oxlint-disable-next-line no-underscore-dangle -- its names
  const storage = api._getContextManager?.()?._asyncLocalStorage;
  return typeof storage?.run === "function" ? storage : undefined;
}
