/** Callers that place orders while something happens to the database, and what they were told. */
import { setTimeout as sleep } from "node:timers/promises";

/** What a caller was told: its key has this order. */
interface Answer {
  readonly key: string;
  readonly orderId: string;
}

/** Places the order of a key, and returns its id. */
type Place = (key: string) => Promise<string>;

interface Options {
  readonly callers: number;
  readonly place: Place;
  /** Whether the same call is made again after this error. What is not retried ends the load, and fails it. */
  readonly isRetried?: (error: unknown) => boolean;
}

/** Callers that each place one order after the other. */
export class Load {
  readonly answers: Answer[] = [];
  /** Of attempts that were made again. */
  readonly failures: unknown[] = [];
  readonly #callers: Promise<void>[];
  #isEnding = false;

  constructor({ callers, place, isRetried = () => false }: Options) {
    this.#callers = Array.from({ length: callers }, (_, caller) => this.#go(caller, place, isRetried));
    // Whoever ends the load is told.
    for (const caller of this.#callers) caller.catch(() => {});
  }

  async #go(caller: number, place: Place, isRetried: (error: unknown) => boolean): Promise<void> {
    for (let order = 0; !this.#isEnding; order += 1) {
      const key = `${caller}-${order}`;
      this.answers.push({ key, orderId: await this.#untilAnswered(() => place(key), isRetried) });
    }
  }

  async #untilAnswered(place: () => Promise<string>, isRetried: (error: unknown) => boolean) {
    for (;;) {
      try {
        return await place();
      } catch (error) {
        if (!isRetried(error)) throw error;
        this.failures.push(error);
        await sleep(50);
      }
    }
  }

  /** Waits for that many answers more, or for a caller that failed. */
  async more(count: number): Promise<void> {
    const enough = this.answers.length + count;
    const failed = Promise.all(this.#callers);
    while (this.answers.length < enough) {
      await Promise.race([sleep(20), failed]);
    }
  }

  /** Lets every caller have its last answer. @throws what a caller failed with. */
  async end(): Promise<void> {
    this.#isEnding = true;
    await Promise.all(this.#callers);
  }
}

interface Queried {
  query(sql: string): Promise<Record<string, unknown>[]>;
}

/** Those of the answers that are not in the database. */
export async function lostOf(answers: readonly Answer[], { query }: Queried): Promise<Answer[]> {
  const rows = await query('SELECT id FROM "Order"');
  const ids = new Set(rows.map(({ id }) => id));
  return answers.filter(({ orderId }) => !ids.has(orderId));
}

/** The keys that have not exactly one order and one record. */
export async function oddOf({ query }: Queried): Promise<unknown[]> {
  return query(`SELECT key, count(DISTINCT o.id) AS orders, count(DISTINCT r.id) AS records
    FROM "Order" AS o FULL JOIN idempotency_record AS r USING (key) GROUP BY key
    HAVING count(DISTINCT o.id) <> 1 OR count(DISTINCT r.id) <> 1`);
}
