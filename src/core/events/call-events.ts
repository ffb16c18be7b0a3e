import { typeOf } from "../browser/option-checks.ts";
import { type IdempotencyErrorCode, isIdempotencyError } from "../contract/errors/errors.ts";
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
  /** That of the handler; 0 while none has begun. */
  #attempt = 0;
  readonly #waits: Map<WaitCause, number> = new Map();
  #phase: { readonly name: CallPhase; readonly call: TracedCall } | undefined;

  constructor(mode: CallEvent["mode"], operation: string) {
    this.#mode = mode;
    this.#operation = operation;
  }

  /** Runs the call, and tells how it ended. Nothing that is told can fail: Node.js reports what subscribers throw elsewhere. */
  during<T>(call: () => Promise<SettledRun<T>>): Promise<SettledRun<T>> {
    const message = this.#traced();
    return inPhase("run", message, async () => {
      const settled = await call().catch((error: unknown) => {
        this.#ending(error);
        note(message, { outcome: this.#failed(error), error: factsOf(error), ...this.#identity() });
        throw error;
      });
      this.#ending();
      note(message, { outcome: this.#settled(settled), ...this.#identity() });
      return settled;
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
    this.#tell("retried", { attempt: this.#attempt, error: factsOf(error) });
    this.#attempt = 0;
  }

  /** Waits, as a part of the call. `since`, on the clock of `performance.now()`, is when that began. */
  async wait<T>(cause: WaitCause, since: number, work: () => Promise<T>): Promise<T> {
    this.enter("wait");
    const waited = () => {
      this.#waits.set(cause, (this.#waits.get(cause) ?? 0) + performance.now() - since);
    };
    return work().then(
      (result) => {
        waited();
        return result;
      },
      (error: unknown) => {
        // Of an outage that is not waited for, nothing was waited.
        if (cause !== "outage") {
          waited();
        }
        throw error;
      },
    );
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
    const attempt = this.#attempt;
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
    if (this.#attempt === 0 && isIdempotencyError(error) && REFUSALS.has(error.code)) {
      this.#tell("refused", { code: error.code, durationMs });
      return "refused";
    }
    this.#tell("released", { attempt: this.#attempt || undefined, error: factsOf(error), durationMs });
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

/** A message or a property of it may hold what a client sent. */
export function factsOf(error: unknown): ErrorFacts {
  try {
    return shownFacts(error);
  } catch {
    return { name: "Error", code: undefined };
  }
}

function shownFacts(error: unknown): ErrorFacts {
  if (!(error instanceof Error)) {
    return { name: typeOf(error), code: undefined };
  }
  const { name, code } = error as { readonly name: unknown; readonly code?: unknown };
  return { name: shortWord(name) ?? "Error", code: shortWord(code) };
}

function shortWord(value: unknown): string | undefined {
  return typeof value === "string" && SHORT_WORD.test(value) ? value : undefined;
}
