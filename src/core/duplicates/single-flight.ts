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
  async lead<T>(
    id: string,
    work: (flight: Flight<TResult>) => Promise<T>,
    published: (end: T) => TResult | undefined,
  ): Promise<T> {
    const flight = new Flight<TResult>();
    this.#flights.set(id, flight);
    let result: TResult | undefined;
    try {
      const end = await work(flight);
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
  #news: Promise<void> | undefined;
  #tell: (() => void) | undefined;
  #landed: { readonly result: TResult | undefined } | undefined;
  #fingerprint: string | undefined;

  get waiterCount(): number {
    return this.#waiterCount;
  }

  /**
   * The fingerprint of the input that is being executed; `undefined` until the leader holds the claim: before that, the
   * record may turn out to be another input's.
   */
  get fingerprint(): string | undefined {
    return this.#fingerprint;
  }

  /** Tells the waiters what is being executed from now on, or, with `undefined`, that nothing is any more. */
  executing(fingerprint: string | undefined): void {
    this.#fingerprint = fingerprint;
    if (fingerprint !== undefined) {
      this.#spread();
    }
  }

  land(result: TResult | undefined): void {
    this.#landed = { result };
    this.#spread();
  }

  #spread(): void {
    this.#tell?.();
    this.#news = undefined;
    this.#tell = undefined;
  }

  /**
   * Waits for the end of the flight, at most `timeoutMs` milliseconds. `heard` is called now and whenever `fingerprint` may
   * have become known; what it throws ends the waiting.
   *
   * @returns the published result, `"released"` when there is none, `"timeout"` when the time ran out.
   */
  async wait(timeoutMs: number, heard?: () => void): Promise<TResult | "released" | "timeout"> {
    this.#waiterCount += 1;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<"timeout">((resolve) => {
      timer = setTimeout(resolve, timeoutMs, "timeout");
    });
    try {
      for (;;) {
        if (this.#landed !== undefined) {
          return this.#landed.result ?? "released";
        }
        heard?.();
        this.#news ??= new Promise((resolve) => {
          this.#tell = resolve;
        });
        if ((await Promise.race([this.#news, timeout])) === "timeout") {
          return "timeout";
        }
      }
    } finally {
      clearTimeout(timer);
      this.#waiterCount -= 1;
    }
  }
}
