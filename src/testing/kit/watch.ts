import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { IdempotencyEvents, TracedCall } from "../../core/contract/events.ts";
import { TEST_POINTS, type TestPoint, type TestPointFacts } from "../../core/contract/test-points.ts";
import type { Fault } from "./faults.ts";

/** What one call of a mutation is given. */
export interface MutationCall {
  /** The idempotency key to send. */
  readonly key: string;
  /** 1 for the first call with the key, 2 for its first retry, and so on. */
  readonly attempt: number;
  /** Who calls: one of option `callers`. Without that option, `"a"`. */
  readonly caller: string;
}

/** The mutation under test. */
export type Mutation = (call: MutationCall) => Promise<unknown>;

/** What a call ended with. */
export type CallEnd =
  | { readonly state: "resolved"; readonly value: unknown }
  | { readonly state: "rejected"; readonly error: unknown };

/** One call of the mutation, and what was told of it. */
export class WatchedCall {
  readonly fault: Fault | undefined;
  readonly onBegun: () => void;
  /** The runs of the call. Each gets its `outcome` at its end. */
  readonly runs: TracedCall[] = [];
  /** Codes of refusals. */
  readonly refusals: string[] = [];
  readonly uncovered: TestPointFacts[] = [];
  readonly late: TestPointFacts[] = [];
  unkeyed = 0;
  statements = 0;
  steps = 0;
  end: CallEnd = { state: "rejected", error: undefined };

  constructor(fault: Fault | undefined, onBegun: () => void) {
    this.fault = fault;
    this.onBegun = onBegun;
  }

  /** Whether each of its runs has an answer: that of the handler, or the stored one. */
  get isAnswered(): boolean {
    return this.runs.length > 0 && this.runs.every(({ outcome = "" }) => ANSWERED.has(outcome));
  }

  get isExecuted(): boolean {
    return this.runs.some(({ outcome }) => outcome === "executed");
  }

  /** Whether nothing of it may be left: each of its runs was rolled back. */
  get isRolledBack(): boolean {
    return (
      this.runs.length > 0 &&
      this.runs.every(({ outcome, mode }) => mode === "transaction" && !ANSWERED.has(outcome ?? ""))
    );
  }

  /** The records that it asked for. */
  get records(): string {
    return [...new Set(this.runs.map(({ id }) => id ?? "(none)"))].toSorted().join(" ");
  }

  get hasReached(): boolean {
    return this.runs.length + this.refusals.length + this.unkeyed > 0;
  }

  get reason(): string {
    const { end } = this;
    const [refusal] = this.refusals;
    return end.state === "rejected"
      ? String(end.error)
      : refusal === undefined
        ? (this.runs.find(({ error }) => error !== undefined)?.error?.name ?? "no error")
        : refusal;
  }
}

const ANSWERED: ReadonlySet<string> = new Set(["executed", "stored", "replayed"]);

/** Calls a mutation, and hears what core and the store tell of its runs. */
export class Watch {
  /** Whether runs count that are executed in no call's context: those of a server in this process that is asked over a socket. */
  acceptsForeign = false;
  readonly #mutation: Mutation;
  readonly #calls: AsyncLocalStorage<WatchedCall> = new AsyncLocalStorage();
  readonly #listeners: readonly (readonly [name: string, listener: (message: unknown) => void])[];
  #latest: WatchedCall | undefined;
  #foreignRuns = 0;

  constructor(mutation: Mutation) {
    this.#mutation = mutation;
    this.#listeners = [
      ["tracing:onceonly:run:start", (run) => this.#began(run as TracedCall)],
      ["onceonly:unkeyed", () => this.#tell((call) => (call.unkeyed += 1))],
      [
        "onceonly:refused",
        (message) => {
          const { code } = message as IdempotencyEvents["onceonly:refused"];
          this.#tell((call) => call.refusals.push(code));
        },
      ],
      [TEST_POINTS, (message) => this.#reached(message as TestPoint)],
    ];
    for (const listener of this.#listeners) {
      subscribe(...listener);
    }
  }

  stop(): void {
    for (const listener of this.#listeners) {
      unsubscribe(...listener);
    }
  }

  /** Whether runs were executed that cannot be told apart from those of others. */
  get hasForeignRuns(): boolean {
    return this.#foreignRuns > 0;
  }

  /** Calls the mutation, and never rejects. `onBegun` is called when its run begins. */
  async call(how: MutationCall, fault?: Fault, onBegun: () => void = () => {}): Promise<WatchedCall> {
    const call = new WatchedCall(fault, onBegun);
    this.#latest = call;
    call.end = await this.#calls.run(call, async () => {
      try {
        return { state: "resolved", value: await this.#mutation(how) };
      } catch (error) {
        return { state: "rejected", error };
      }
    });
    return call;
  }

  #began(run: TracedCall): void {
    if (this.#calls.getStore() === undefined) {
      this.#foreignRuns += 1;
    }
    this.#tell((call) => {
      call.runs.push(run);
      call.onBegun();
    });
  }

  #reached(message: TestPoint): void {
    const { point, facts } = message;
    this.#tell((call) => {
      if (point === "statement") {
        call.statements += 1;
      } else if (point === "step ended") {
        call.steps += 1;
      } else if (point === "uncovered write") {
        call.uncovered.push(facts);
      } else if (point === "late statement") {
        call.late.push(facts);
      }
      call.fault?.strike(message);
    });
  }

  #tell(what: (call: WatchedCall) => unknown): void {
    const call = this.#calls.getStore() ?? (this.acceptsForeign ? this.#latest : undefined);
    if (call !== undefined) {
      what(call);
    }
  }
}
