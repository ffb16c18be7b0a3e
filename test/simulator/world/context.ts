/**
 * `AsyncLocalStorage` for simulated processes. Node's own looks at each storage at each promise, and the copies of the modules have a dozen;
 * this one keeps one list for all, as Node does from version 24 on.
 */
import { promiseHooks } from "node:v8";

/** What is stored, the innermost first. */
interface Frame {
  readonly storage: SimulatedStorage<unknown>;
  readonly store: unknown;
  readonly outer: Frame | undefined;
}

let current: Frame | undefined;

const FRAME = Symbol("frame");
type Marked = Promise<unknown> & { [FRAME]?: Frame };

/** Keeps the context of code that waits, until the function that is returned is called. */
export function keepContexts(): () => void {
  const before: (Frame | undefined)[] = [];
  return promiseHooks.createHook({
    init(promise: Marked) {
      if (current !== undefined) promise[FRAME] = current;
    },
    before(promise: Marked) {
      before.push(current);
      current = promise[FRAME];
    },
    after() {
      current = before.pop();
    },
  }) as () => void;
}

export class SimulatedStorage<T> {
  getStore(): T | undefined {
    for (let frame = current; frame !== undefined; frame = frame.outer) {
      if (frame.storage === this) return frame.store as T;
    }
    return undefined;
  }

  run<TResult, TArgs extends unknown[]>(
    store: T,
    work: (...args: TArgs) => TResult,
    ...args: TArgs
  ): TResult {
    const before = current;
    current = { storage: this as SimulatedStorage<unknown>, store, outer: before };
    try {
      return work(...args);
    } finally {
      current = before;
    }
  }
}

/** `callback` in the context of the caller. */
export function inContext(callback: () => void): () => void {
  const frame = current;
  if (frame === undefined) return callback;
  return () => {
    const before = current;
    current = frame;
    try {
      callback();
    } finally {
      current = before;
    }
  };
}
