/**
 * Virtual time, and what happens in it, one thing after another. Before the next thing happens, all code that the last one has set going
 * has come to wait for something.
 */
import type { SimulatedProcess } from "./process.ts";

/** Something that is to happen. */
export interface Happening {
  readonly time: number;
  readonly order: number;
  /** In which process; nothing happens in one that is dead, and what comes to one that is stopped waits. */
  readonly process: SimulatedProcess | undefined;
  act: (() => void) | undefined;
}

export interface Line {
  readonly time: number;
  readonly who: string;
  readonly what: string;
}

export class World {
  /** Milliseconds since the beginning of the schedule: the true time, which no clock need show. */
  now = 0;
  /** What was told, if it is kept. */
  readonly story: Line[] | undefined;
  readonly #isSlow: boolean;
  readonly #heap: Happening[] = [];
  #order = 0;

  /** `isSlow`: with a turn of Node's event loop after each happening, which notices rejections that nobody has looked at by then. */
  constructor(isTold: boolean, isSlow: boolean) {
    this.#isSlow = isSlow;
    this.story = isTold ? [] : undefined;
  }

  /** `what` is a function, as most worlds tell nothing. */
  tell(who: string, what: () => string): void {
    this.story?.push({ time: this.now, who, what: what() });
  }

  at(time: number, act: () => void, process?: SimulatedProcess): Happening {
    const happening: Happening = { time: Math.max(time, this.now), order: (this.#order += 1), process, act };
    this.#push(happening);
    return happening;
  }

  after(ms: number, act: () => void, process?: SimulatedProcess): Happening {
    return this.at(this.now + ms, act, process);
  }

  /** Lets things happen until `isOver`, or until nothing is left to happen before `horizon`. Resolves to whether it is over. */
  run(isOver: () => boolean, horizon: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const turn = () => {
        if (isOver()) return resolve(true);
        const happening = this.#next(horizon);
        if (happening === undefined) return resolve(isOver());
        this.now = happening.time;
        try {
          happening.act?.();
        } catch (error) {
          return reject(error as Error);
        }
        // Node runs all microtasks before the next tick, and a turn of its event loop would take ten times as long.
        if (this.#isSlow) setImmediate(turn);
        else queueMicrotask(() => process.nextTick(turn));
      };
      process.nextTick(turn);
    });
  }

  #next(horizon: number): Happening | undefined {
    for (;;) {
      const [first] = this.#heap;
      if (first === undefined || first.time > horizon) return undefined;
      this.#pop();
      const { process: where } = first;
      if (first.act === undefined || where?.isDead === true) continue;
      if (where !== undefined && where.stoppedUntil > first.time) {
        // It keeps its order among all that waits for the same moment.
        this.#push({ ...first, time: where.stoppedUntil });
        first.act = undefined;
        continue;
      }
      return first;
    }
  }

  #push(happening: Happening): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(happening);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(happening, heap[parent] as Happening)) break;
      heap[index] = heap[parent] as Happening;
      index = parent;
    }
    heap[index] = happening;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Happening;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Happening, heap[child] as Happening))
        child += 1;
      if (!isBefore(heap[child] as Happening, last)) break;
      heap[index] = heap[child] as Happening;
      index = child;
    }
    heap[index] = last;
  }
}

const isBefore = (a: Happening, b: Happening) => a.time < b.time || (a.time === b.time && a.order < b.order);
