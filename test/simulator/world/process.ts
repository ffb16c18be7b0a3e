/** A process: its clocks and timers. Once it is dead, no timer of it fires and no answer reaches it, so none of its code runs again. */
import { inContext } from "./context.ts";
import type { Choices } from "./random.ts";
import type { Happening, World } from "./world.ts";

/** How its clocks differ from the true time. */
export interface Clocks {
  /** How much faster than the true time: 1.01 gains a hundredth. */
  readonly rate: number;
  /** How far `Date.now` is ahead, in milliseconds. */
  wallAheadMs: number;
}

/** What `setTimeout` returns. */
export class Timer {
  happening: Happening | undefined;
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  hasRef(): boolean {
    return true;
  }
}

const TIMER_MS_MAX = 2 ** 31 - 1;

export class SimulatedProcess {
  readonly name: string;
  readonly world: World;
  readonly choices: Choices;
  readonly clocks: Clocks;
  isDead = false;
  /** Nothing happens in it before. */
  stoppedUntil = 0;
  /** Timers that have not fired. */
  readonly timers = new Set<Timer>();
  readonly #bornAt: number;
  #dying: (() => void)[] = [];
  #ids = 0;

  constructor(name: string, world: World, choices: Choices, clocks: Clocks) {
    this.name = name;
    this.world = world;
    this.choices = choices;
    this.clocks = clocks;
    this.#bornAt = world.now;
  }

  /** `performance.now()`. */
  now(): number {
    return (this.world.now - this.#bornAt) * this.clocks.rate;
  }

  /** `Date.now()`. */
  wallNow(): number {
    return Math.floor(EPOCH + this.world.now * this.clocks.rate + this.clocks.wallAheadMs);
  }

  setTimeout(callback: (...args: unknown[]) => void, ms = 1, ...args: unknown[]): Timer {
    const timer = new Timer();
    const delay = ms >= 1 && ms <= TIMER_MS_MAX ? Math.trunc(ms) : 1;
    // A loaded machine is a little late.
    const late = this.choices.next() * 0.3;
    const fire = () => {
      this.timers.delete(timer);
      callback(...args);
    };
    timer.happening = this.world.after(delay / this.clocks.rate + late, inContext(fire), this);
    this.timers.add(timer);
    return timer;
  }

  clearTimeout(timer: Timer | undefined): void {
    if (timer instanceof Timer && timer.happening !== undefined) {
      timer.happening.act = undefined;
      this.timers.delete(timer);
    }
  }

  setImmediate(callback: (...args: unknown[]) => void, ...args: unknown[]): void {
    this.world.after(
      0,
      inContext(() => callback(...args)),
      this,
    );
  }

  sleep<T>(ms = 1, value?: T, { signal }: { readonly signal?: AbortSignal } = {}): Promise<T> {
    return new Promise((resolve, reject) => {
      const aborted = () =>
        reject(Object.assign(new Error("The operation was aborted"), { name: "AbortError" }));
      if (signal?.aborted === true) return aborted();
      const abort = () => {
        this.clearTimeout(timer);
        aborted();
      };
      const timer = this.setTimeout(() => {
        signal?.removeEventListener("abort", abort);
        resolve(value as T);
      }, ms);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  uuid(): string {
    return `${this.name}-${(this.#ids += 1)}`;
  }

  /** `callback` is called when it dies. */
  onDeath(callback: () => void): void {
    this.#dying.push(callback);
  }

  kill(): void {
    if (this.isDead) return;
    this.isDead = true;
    const dying = this.#dying;
    this.#dying = [];
    for (const callback of dying) callback();
  }
}

/** The true time begins at this one of the clocks, in milliseconds since 1970. */
export const EPOCH = 1_800_000_000_000;
