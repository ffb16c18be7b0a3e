import { warn } from "../contract/callbacks.ts";
import { type IdempotencyErrorCode, isIdempotencyError } from "../contract/errors.ts";
import type { CallEvent, CallPhase, ErrorFacts, IdempotencyEvents, TracedCall } from "../contract/events.ts";
import type { SettledRun } from "../contract/idempotency.ts";
import { type EventName, inPhase, isAnybodyListening, publish, tracingChannelOf } from "./channels.ts";

/** Errors before any handler: those of all others say that one may have run. */
const REFUSALS: ReadonlySet<IdempotencyErrorCode> = new Set([
  "KEY_MISSING",
  "KEY_INVALID",
  "KEY_REUSED",
  "INPUT_INVALID",
  "SCOPE_MISSING",
  "IN_PROGRESS",
  "RESULT_UNREADABLE",
]);

type WaitCause = IdempotencyEvents["onceonly:waited"]["cause"];

/** What is known of a call once its request is checked. */
interface Prepared {
  readonly id: string;
  readonly key: string;
  readonly scope: string;
  readonly options: { readonly eventKeys: boolean };
}

/**
 * Tells what becomes of one call to those who listen on the channels of `node:diagnostics_channel`. Where nobody does, a call has
 * none.
 */
export class CallEvents {
  readonly #operation: string;
  readonly #mode: CallEvent["mode"];
  readonly #begin: number = performance.now();
  #prepared: Prepared | undefined;
  #attempt: number | undefined;
  readonly #waits: Map<WaitCause, number> = new Map();
  #phase: { readonly name: CallPhase; readonly call: TracedCall } | undefined;

  constructor(mode: CallEvent["mode"], operation: string) {
    this.#mode = mode;
    this.#operation = operation;
  }

  /** Runs the call, and tells how it ended. Whatever becomes of the telling, the call ends as it does. */
  during<T>(call: () => Promise<SettledRun<T>>): Promise<SettledRun<T>> {
    const message = this.#traced();
    return inPhase("run", message, async () => {
      try {
        const settled = await call();
        quietly(() => {
          this.#ending();
          note(message, { outcome: this.#settled(settled), ...this.#identity() });
        });
        return settled;
      } catch (error) {
        quietly(() => {
          this.#ending(error);
          note(message, { outcome: this.#failed(error), error: factsOf(error), ...this.#identity() });
        });
        throw error;
      }
    });
  }

  prepared(run: Prepared): void {
    this.#prepared = run;
  }

  /** Begins a part of the call, and ends that before. `undefined`: only ends it. */
  enter(name: "claim" | "wait" | "store" | undefined, error?: unknown): void {
    const before = this.#phase;
    if (before?.name === name) {
      return;
    }
    this.#phase = undefined;
    if (before !== undefined) {
      const { error: failed, asyncStart, asyncEnd } = tracingChannelOf(before.name);
      if (error !== undefined) {
        note(before.call, { error: factsOf(error) });
        failed.publish(before.call);
      }
      asyncStart.publish(before.call);
      asyncEnd.publish(before.call);
    }
    if (name !== undefined) {
      this.#phase = { name, call: this.#traced() };
      const { start, end } = tracingChannelOf(name);
      start.publish(this.#phase.call);
      end.publish(this.#phase.call);
    }
  }

  /** Executes the handler, as a part of the call in whose context it runs. */
  async execute<T>(attempt: number, handler: () => Promise<T>): Promise<T> {
    this.enter(undefined);
    this.#attempt = attempt;
    if (attempt > 1) {
      this.#tell("takeover", { attempt });
    }
    const message: TracedCall = { ...this.#traced(), attempt };
    return inPhase("execute", message, async () => {
      try {
        return await handler();
      } catch (error) {
        note(message, { error: factsOf(error) });
        throw error;
      }
    });
  }

  /** The attempt of this call is rolled back and repeated. */
  retried(error: unknown): void {
    const attempt = this.#attempt;
    if (attempt !== undefined) {
      this.#tell("retried", { attempt, error: factsOf(error) });
      this.#attempt = undefined;
    }
  }

  /** Waits, as a part of the call. `since`, on the clock of `performance.now()`, is when that began. */
  async wait<T>(cause: WaitCause, since: number, work: () => Promise<T>): Promise<T> {
    this.enter("wait");
    try {
      return await work();
    } finally {
      this.#waits.set(cause, (this.#waits.get(cause) ?? 0) + performance.now() - since);
    }
  }

  leaseLost(takenOver: boolean): void {
    this.#tell("lease-lost", { takenOver });
  }

  #ending(error?: unknown): void {
    this.enter(undefined, error);
    for (const [cause, durationMs] of this.#waits) {
      this.#tell("waited", { cause, durationMs });
    }
  }

  #settled({ replayed, ...settled }: SettledRun<unknown>): NonNullable<TracedCall["outcome"]> {
    const { status } = settled;
    const durationMs = this.#durationMs();
    const attempt = this.#attempt ?? 1;
    if (replayed) {
      this.#tell("replayed", { status, durationMs });
      return "replayed";
    }
    if (settled.status === "failed") {
      this.#tell("stored", { attempt, error: factsOf(settled.error), durationMs });
      return "stored";
    }
    this.#tell("executed", { attempt, durationMs });
    return "executed";
  }

  #failed(error: unknown): NonNullable<TracedCall["outcome"]> {
    const durationMs = this.#durationMs();
    if (isIdempotencyError(error)) {
      toldErrors.add(error);
    }
    if (this.#attempt === undefined && isIdempotencyError(error) && REFUSALS.has(error.code)) {
      this.#tell("refused", { code: error.code, durationMs });
      return "refused";
    }
    this.#tell("released", { attempt: this.#attempt, error: factsOf(error), durationMs });
    return "released";
  }

  #durationMs(): number {
    return performance.now() - this.#begin;
  }

  #tell<TName extends EventName>(
    name: TName,
    message: Omit<IdempotencyEvents[`onceonly:${TName}`], keyof CallEvent>,
  ): void {
    publish(
      name,
      () => ({ ...this.#traced(), ...message }) as unknown as IdempotencyEvents[`onceonly:${TName}`],
    );
  }

  #traced(): TracedCall {
    return { operation: this.#operation, mode: this.#mode, id: undefined, ...this.#identity() };
  }

  #identity(): Partial<CallEvent> {
    if (this.#prepared === undefined) {
      return {};
    }
    const { id, key, scope, options } = this.#prepared;
    return options.eventKeys ? { id, key, scope } : { id };
  }
}

/** Waits for `work` as a part of the call of `run`, if anybody listens. */
export function waiting<T>(
  { events }: { readonly events: CallEvents | undefined },
  cause: WaitCause,
  since: number,
  work: () => Promise<T>,
): Promise<T> {
  return events === undefined ? work() : events.wait(cause, since, work);
}

/** Executes a handler as a part of the call of `run`, if anybody listens. */
export function executing<T>(
  { events }: { readonly events: CallEvents | undefined },
  attempt: number,
  handler: () => Promise<T>,
): Promise<T> {
  return events === undefined ? handler() : events.execute(attempt, handler);
}

/** Makes a call, and tells what becomes of it, if anybody listens. */
export function observed<T>(
  mode: CallEvent["mode"],
  request: { readonly operation: string } | undefined,
  call: (events: CallEvents | undefined) => Promise<SettledRun<T>>,
): Promise<SettledRun<T>> {
  if (!isAnybodyListening()) {
    return call(undefined);
  }
  const operation: unknown = request?.operation;
  const events = new CallEvents(mode, typeof operation === "string" ? operation : "");
  return events.during(() => call(events));
}

/** Errors of calls that have told of them. */
const toldErrors: WeakSet<object> = new WeakSet();

/** Tells of a request that an adapter has refused before it became a call of core, unless `error` is that of such a call. */
export function tellRefusal(error: unknown, operation: string): void {
  if (isIdempotencyError(error) && REFUSALS.has(error.code) && !toldErrors.has(error)) {
    toldErrors.add(error);
    const { code } = error;
    publish("refused", () => ({ operation, mode: undefined, id: undefined, code, durationMs: 0 }));
  }
}

const SHORT_WORD = /^[\w.-]{1,64}$/;

/** A subscriber may have frozen the message. */
function note(message: TracedCall, facts: Partial<TracedCall>): void {
  for (const [name, value] of Object.entries(facts)) {
    Reflect.set(message, name, value);
  }
}

/** What was told of a call is not its end. */
function quietly(tell: () => void): void {
  try {
    tell();
  } catch (error) {
    warn("OnceonlyEventWarning", "An event was not told", error);
  }
}

/** A message or a property of it may hold what a client sent. */
export function factsOf(error: unknown): ErrorFacts {
  try {
    return shownFacts(error);
  } catch {
    return { name: "Error", code: undefined };
  }
}

function shownFacts(error: unknown): ErrorFacts {
  const isError = error instanceof Error;
  const { name, code } = (isError ? error : {}) as { readonly name?: unknown; readonly code?: unknown };
  return {
    name:
      typeof name === "string" && SHORT_WORD.test(name)
        ? name
        : typeof error === "object"
          ? "Error"
          : typeof error,
    code: typeof code === "string" && SHORT_WORD.test(code) ? code : undefined,
  };
}
