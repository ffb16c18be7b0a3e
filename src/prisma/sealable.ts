/**
 * A transaction client that can be closed to its handler while the transaction goes on.
 *
 * A statement that a handler forgot to await could otherwise run after its result was stored: PostgreSQL answers the
 * COMMIT of a transaction in which it failed with a rollback, and Prisma does not report that.
 */
export class SealableTransaction<TTransaction extends object> {
  /** For the handler: `tx` itself, watched. */
  readonly tx: TTransaction;
  readonly #inFlight: Set<Promise<unknown>> = new Set();
  #sealed = false;

  constructor(tx: TTransaction) {
    this.tx = this.#watchedClient(tx);
  }

  /** Refuses every further statement, and waits for those under way. Their errors are the handler's concern. */
  async seal(): Promise<void> {
    this.#sealed = true;
    while (this.#inFlight.size > 0) {
      await Promise.allSettled(this.#inFlight);
    }
  }

  /** Raw queries stand on the client, all others on its models. */
  #watchedClient<T extends object>(client: T): T {
    const models = new Map<PropertyKey, object>();
    return new Proxy(client, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "object" || value === null || !isModelName(name)) {
          return this.#watched(target, name, value);
        }
        const model = models.get(name) ?? this.#watchedModel(value);
        models.set(name, model);
        return model;
      },
    });
  }

  #watchedModel(model: object): object {
    return new Proxy(model, {
      get: (target, name) => this.#watched(target, name, Reflect.get(target, name, target)),
    });
  }

  #watched(target: object, name: PropertyKey, value: unknown): unknown {
    if (typeof value !== "function") {
      return value;
    }
    return (...args: unknown[]): unknown => {
      if (this.#sealed && name === "$transaction") {
        return Promise.reject(new TransactionOverError());
      }
      const result: unknown = value.apply(target, args);
      if (name === "$extends") {
        return this.#watchedClient(result as object);
      }
      return isThenable(result) ? this.#watchedPromise(result) : result;
    };
  }

  /** Prisma's promises send their statement when they are first awaited, and once. Others are under way already. */
  #watchedPromise(promise: Thenable): object {
    let started = promise instanceof Promise;
    if (started) {
      this.#track(promise);
    }
    const start = () => {
      if (!started && this.#sealed) {
        return Promise.reject(new TransactionOverError());
      }
      if (!started) {
        started = true;
        this.#track(promise);
      }
      return promise;
    };
    return new Proxy(promise, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") {
          return value;
        }
        if (name === "then" || name === "catch" || name === "finally") {
          return (...args: unknown[]): unknown => {
            const running = start() as unknown as Record<typeof name, (...args: unknown[]) => unknown>;
            return running[name](...args);
          };
        }
        return this.#watched(target, name, value);
      },
    });
  }

  #track(promise: Thenable): void {
    const ended: Promise<unknown> = Promise.resolve(promise).then(
      () => this.#inFlight.delete(ended),
      () => this.#inFlight.delete(ended),
    );
    this.#inFlight.add(ended);
  }
}

/** What a statement gets that comes after its handler has ended. */
class TransactionOverError extends Error {
  override readonly name = "TransactionOverError";

  constructor() {
    super(
      "onceonly: this statement came after the handler of its transaction had ended, and was not sent; await every " +
        "statement in the handler.",
    );
  }
}

/** What begins otherwise is the client's own, such as its description. */
function isModelName(name: PropertyKey): boolean {
  return typeof name === "string" && !/^[$_]/.test(name);
}

type Thenable = PromiseLike<unknown> & object;

function isThenable(value: unknown): value is Thenable {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
