import { setImmediate as turn } from "node:timers/promises";
import { warn } from "../contract/callbacks.ts";

/** The steps that one handler has called, and what became of those that it does not look at. */
export class StepCalls {
  readonly #operation: string;
  readonly #underWay: Set<Promise<unknown>> = new Set();
  readonly #failed: Map<Watched<unknown>, unknown> = new Map();
  #pending = 0;
  #isOver = false;

  constructor(operation: string) {
    this.#operation = operation;
  }

  /** The promise to give to the handler. A failure of it that nobody sees fails the run, not the process. */
  watched<T>(call: Promise<T>): Promise<T> {
    const watched = this.#watch(Watched.resolve(call) as Watched<T>);
    const ended: Promise<unknown> = call.catch(() => {}).then(() => this.#underWay.delete(ended));
    this.#underWay.add(ended);
    return watched;
  }

  /**
   * Runs the handler, and waits for the calls that are still under way: they belong to this attempt.
   *
   * @throws what the handler threw, or what a step failed with that it has not seen: without that step, its result is none.
   */
  async during<T>(handler: () => Promise<T>): Promise<T> {
    let result: T;
    try {
      result = await handler();
    } finally {
      await this.#settled();
      this.#isOver = true;
    }
    this.#throwUnseen();
    return result;
  }

  async #settled(): Promise<void> {
    while (this.#underWay.size > 0) {
      await Promise.allSettled(this.#underWay);
    }
    if (this.#pending > 0) {
      // What the handler has chained to them settles after them, or never.
      await turn();
    }
  }

  #throwUnseen(): void {
    for (const [call, error] of this.#failed) {
      if (!call.isSeen) {
        throw error;
      }
    }
  }

  #watch<T>(call: Watched<T>): Watched<T> {
    this.#pending += 1;
    const settled = () => {
      this.#pending -= 1;
    };
    call.follow = (next) => this.#watch(next);
    // Not by its own `then`: we are not the handler.
    void Promise.prototype.then.call(call, settled, (error: unknown) => {
      settled();
      if (this.#isOver) {
        void this.#warnOf(call, error);
      } else {
        this.#failed.set(call, error);
      }
    });
    return call;
  }

  /** The run is over, and its caller has the answer. */
  async #warnOf(call: Watched<unknown>, error: unknown): Promise<void> {
    // A step that fails at once has failed before `await` looks at it.
    await turn();
    if (!call.isSeen) {
      warn(STEP_WARNING, `A step of ${this.#operation} that nobody awaited failed after its run`, error);
    }
  }
}

const STEP_WARNING = "OnceonlyStepWarning";

/**
 * A promise that knows whether anybody looks at it. `await`, `Promise.all` and the like call `then` of a promise whose class is
 * not `Promise` itself. What `then` returns is watched too: that is where the failure goes.
 */
class Watched<T> extends Promise<T> {
  isSeen = false;
  follow: (<TNext>(next: Watched<TNext>) => Watched<TNext>) | undefined;

  // oxlint-disable-next-line unicorn/no-thenable -- there is no other way to see an `await`
  override then<TResult = T, TCaught = never>(
    onFulfilled?: ((value: T) => TResult | PromiseLike<TResult>) | null,
    onRejected?: ((reason: unknown) => TCaught | PromiseLike<TCaught>) | null,
  ): Promise<TResult | TCaught> {
    this.isSeen = true;
    const next = super.then(onFulfilled, onRejected) as Watched<TResult | TCaught>;
    return this.follow?.(next) ?? next;
  }
}
