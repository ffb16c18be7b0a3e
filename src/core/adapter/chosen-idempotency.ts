import { misplaced } from "../contract/found.ts";
import type { Idempotency } from "../contract/idempotency.ts";

/**
 * What `createIdempotency` returned: one for the whole application, or a function that gives that of a call, for example
 * for one database per tenant. The function must give the same object for the same database, as duplicates wait for each
 * other in its memory.
 */
export type IdempotencyOption<TTransaction, TArgs extends readonly unknown[]> =
  | Idempotency<TTransaction>
  | ((...args: TArgs) => Idempotency<TTransaction> | Promise<Idempotency<TTransaction>>);

export function isIdempotency(value: unknown): value is Idempotency<unknown> {
  return typeof (value as Partial<Idempotency<unknown>> | null | undefined)?.runSettled === "function";
}

/** Option `idempotency` of an adapter, with what the adapter makes of it. */
export class ChosenIdempotency<
  TTransaction,
  TArgs extends readonly unknown[],
  TCompleted extends object = Idempotency<TTransaction>,
> {
  readonly #given: IdempotencyOption<TTransaction, TArgs>;
  readonly #complete: (given: Idempotency<TTransaction>) => TCompleted;
  readonly #completed: WeakMap<Idempotency<TTransaction>, TCompleted> = new WeakMap();

  /** `complete` gives it the options of the adapter. It is called once for each. */
  constructor(
    given: IdempotencyOption<TTransaction, TArgs>,
    complete: (given: Idempotency<TTransaction>) => TCompleted,
  ) {
    this.#given = given;
    this.#complete = complete;
    if (typeof given !== "function") {
      this.completed(given);
    }
  }

  /** For one call. @throws TypeError if the function gave something else. */
  async of(...args: TArgs): Promise<TCompleted> {
    if (typeof this.#given !== "function") {
      return this.completed(this.#given);
    }
    const chosen: unknown = await this.#given(...args);
    if (!isIdempotency(chosen)) {
      throw misplaced("idempotency", chosen, "a function that returns what createIdempotency returned");
    }
    return this.completed(chosen as Idempotency<TTransaction>);
  }

  completed(given: Idempotency<TTransaction>): TCompleted {
    const known = this.#completed.get(given);
    if (known !== undefined) {
      return known;
    }
    const completed = this.#complete(given);
    this.#completed.set(given, completed);
    return completed;
  }

  /** Whether calls may run over `given`: a function may give any. */
  mayBe(given: unknown): boolean {
    return typeof this.#given === "function" || this.#given === given;
  }
}
