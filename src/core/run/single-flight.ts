/**
 * Lets one caller per id work while the others wait in memory, holding no connection.
 *
 * Duplicates that waited in the database instead would each pin a connection, and a burst on one key would leave none
 * in the pool for anybody else.
 */
export class SingleFlight<TResult> {
  readonly #flights: Map<string, Flight<TResult>> = new Map();

  /** The flight of `id`, if one is under way in this process. */
  get(id: string): Flight<TResult> | undefined {
    return this.#flights.get(id);
  }

  /**
   * Works as the leader of `id`. Nothing may be awaited between {@link get} returning `undefined` and this call.
   * What `published` makes of the end of `work` reaches the waiters; if `work` fails, they start over.
   */
  async lead<T>(id: string, work: () => Promise<T>, published: (end: T) => TResult | undefined): Promise<T> {
    const flight = new Flight<TResult>();
    this.#flights.set(id, flight);
    let result: TResult | undefined;
    try {
      const end = await work();
      result = published(end);
      return end;
    } finally {
      this.#flights.delete(id);
      flight.land(result);
    }
  }
}

/** One execution under way, and those who wait for it. */
export class Flight<TResult> {
  #waiterCount = 0;
  /** Made for the first waiter: most flights have none. */
  #landed: Promise<TResult | undefined> | undefined;
  #resolve: ((result: TResult | undefined) => void) | undefined;

  get waiterCount(): number {
    return this.#waiterCount;
  }

  land(result: TResult | undefined): void {
    this.#resolve?.(result);
  }

  /**
   * Waits for the end of the flight, at most `timeoutMs` milliseconds.
   *
   * @returns the published result, `"released"` when there is none, `"timeout"` when the time ran out.
   */
  async wait(timeoutMs: number): Promise<TResult | "released" | "timeout"> {
    this.#waiterCount += 1;
    this.#landed ??= new Promise((resolve) => {
      this.#resolve = resolve;
    });
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<"timeout">((resolve) => {
      timer = setTimeout(resolve, timeoutMs, "timeout");
    });
    try {
      return (await Promise.race([this.#landed, timeout])) ?? "released";
    } finally {
      clearTimeout(timer);
      this.#waiterCount -= 1;
    }
  }
}
