import type { RunningHandler } from "../../core/store.ts";
import type { RawClient } from "../client.ts";
import { transactionInfoOf } from "../internals.ts";
import { currentScope, type HandlerScope, inScope, outsideHandlers } from "./scope.ts";

/**
 * A transaction while it is lent to a handler, or a nested one of it: says which statements may be sent, and when.
 *
 * - When the handler has ended, further statements are refused, and those under way are waited for. One that was not
 *   awaited could otherwise run after the result was stored: PostgreSQL answers the COMMIT of a transaction in which it
 *   failed with a rollback, and Prisma does not report that.
 * - A nested transaction is a savepoint on the one connection there is. While it lasts, statements from outside of it wait:
 *   its rollback would undo what they write, and what they read. So does the next nested transaction.
 */
export class LentTransaction {
  readonly begun: BegunTransaction;
  readonly #parent: LentTransaction | undefined;
  readonly #outer: HandlerScope | undefined;
  /** Those under way. */
  readonly #statements: Set<Promise<unknown>> = new Set();
  /** Those under way, or waiting for their turn. */
  readonly #nestedOnes: Set<Promise<unknown>> = new Set();
  #handler: RunningHandler | undefined;
  #nested: Promise<void> | undefined;
  #isOver = false;
  #info: object | undefined;

  /** `outer` is where it was begun. */
  constructor(begun: BegunTransaction, outer: HandlerScope | undefined, parent?: LentTransaction) {
    this.begun = begun;
    this.#outer = outer;
    this.#parent = parent;
  }

  /**
   * Prisma's own description of the transaction, by which a client of the same engine sends a statement in it. What is
   * sent by it can be told from it: see {@link lentIn}.
   */
  get info(): object {
    this.#info ??= { ...this.#prismasInfo(), [LENT]: this };
    return this.#info;
  }

  #prismasInfo(): object {
    const info = this.#parent?.info ?? transactionInfoOf(this.begun.tx);
    if (typeof info !== "object" || info === null) {
      throw new Error(
        "onceonly: this version of Prisma does not say which transaction a client is in, so that a client with " +
          "extensions, or one of withAmbientTransaction, cannot join it.",
      );
    }
    return info;
  }

  get isOver(): boolean {
    return this.#isOver || this.#parent?.isOver === true;
  }

  get hasNested(): boolean {
    return this.#nested !== undefined;
  }

  /** The handler, while it runs. A nested transaction has callbacks of its own, until it ends well. */
  get handler(): RunningHandler | undefined {
    return this.isOver ? undefined : this.#handler;
  }

  /** Calls `work` as the handler; once it has ended, the transaction is closed to it. */
  lend<T>(work: () => PromiseLike<T>, handler?: RunningHandler): Promise<T> {
    this.#handler = handler ?? this.#handler;
    return inScope({ lent: this, outer: this.#outer }, () => this.#untilOver(work));
  }

  async #untilOver<T>(work: () => PromiseLike<T>): Promise<T> {
    try {
      // Awaited in the scope: a promise of Prisma's sends its statement when it is awaited.
      return await work();
    } finally {
      this.#isOver = true;
      while (this.#statements.size + this.#nestedOnes.size > 0) {
        // Their errors are the handler's concern.
        await Promise.allSettled([...this.#statements, ...this.#nestedOnes]);
      }
    }
  }

  /** Calls `work` inside this transaction, wherever the caller is; in a nested one of it, if that is where he is. */
  within<T>(work: () => T): T {
    const here = this.#innermost();
    const scope = currentScope();
    return scope?.lent === here ? work() : inScope({ lent: here, outer: scope ?? here.#outer }, work);
  }

  /** Sends a statement in its turn. `start` is called at most once. */
  send<T>(start: () => PromiseLike<T>): Promise<T> {
    const here = this.#innermost();
    if (here.isOver) {
      return Promise.reject(new TransactionOverError());
    }
    if (here.#nested !== undefined) {
      return here.#nested.then(() => here.send(start));
    }
    // Prisma sends it when `then` is called, which is to be now.
    const ended = Promise.resolve(start().then((value) => value));
    here.#track(here.#statements, ended);
    return ended;
  }

  /** Runs `work` between a savepoint and its release, or the return to it. */
  nested<T>(work: (child: LentTransaction) => Promise<T>): Promise<T> {
    const here = this.#innermost();
    const ended = here.#nest(work);
    here.#track(here.#nestedOnes, ended);
    return ended;
  }

  async #nest<T>(work: (child: LentTransaction) => Promise<T>): Promise<T> {
    while (this.#nested !== undefined) {
      await this.#nested;
    }
    let leave: (() => void) | undefined;
    this.#nested = new Promise((resolve) => {
      leave = resolve;
    });
    try {
      await Promise.allSettled(this.#statements);
      if (this.isOver) {
        throw new TransactionOverError();
      }
      return await this.#betweenSavepoints(work);
    } finally {
      this.#nested = undefined;
      leave?.();
    }
  }

  async #betweenSavepoints<T>(work: (child: LentTransaction) => Promise<T>): Promise<T> {
    // Names of their own, as MariaDB and MySQL forget a savepoint when another one takes its name.
    const savepoint = `onceonly_${this.#depth}`;
    const { raw } = this.begun;
    const child = new LentTransaction(this.begun, currentScope(), this);
    const afterCommit: (() => unknown)[] = [];
    child.#handler = this.handler && { ...this.handler, afterCommit };
    // Not as a statement of the handler that the caller runs in, which may be another's.
    const send = (sql: string) => outsideHandlers(async () => raw.$executeRawUnsafe(sql));
    await send(`SAVEPOINT ${savepoint}`);
    try {
      const value = await work(child);
      await send(`RELEASE SAVEPOINT ${savepoint}`);
      this.#handler?.afterCommit.push(...afterCommit);
      return value;
    } catch (error) {
      // Where that fails the whole transaction is gone, and the error says more than that one.
      await send(`ROLLBACK TO SAVEPOINT ${savepoint}`).catch(() => {});
      throw error;
    }
  }

  /** This transaction, or the nested one of it that the caller runs in, whichever client it has at hand. */
  #innermost(): LentTransaction {
    for (let scope = currentScope(); scope !== undefined; scope = scope.outer) {
      if (scope.lent.isPartOf(this)) {
        return scope.lent;
      }
    }
    return this;
  }

  /** No private method: `other` may be of another copy of this package. */
  isPartOf(other: LentTransaction): boolean {
    return this === other || this.#parent?.isPartOf(other) === true;
  }

  get #depth(): number {
    return this.#parent === undefined ? 1 : this.#parent.#depth + 1;
  }

  /** What a statement gets that was made for this transaction, and is to be sent in another one. */
  errorElsewhere(): Error {
    return this.isOver ? new TransactionOverError() : new ElsewhereError();
  }

  #track(those: Set<Promise<unknown>>, ended: Promise<unknown>): void {
    those.add(ended);
    const forget = () => void those.delete(ended);
    ended.then(forget, forget);
  }
}

// Two copies of this package in one process do not share a symbol unless it is registered.
const LENT: unique symbol = Symbol.for("onceonly.lent.1") as never;

/** The transaction that is lent, by the {@link LentTransaction.info} that a statement is sent with. */
export function lentIn(info: unknown): LentTransaction | undefined {
  return (info as { readonly [LENT]?: LentTransaction } | undefined)?.[LENT];
}

/** A transaction as Prisma has begun it. */
export interface BegunTransaction {
  /** Prisma's transaction client. */
  readonly tx: RawClient;
  /** For statements of ours, which are not to pass the application's extensions. */
  readonly raw: RawClient;
  /** The client that all clients extended from it share: its transactions are good for them all. */
  readonly engine: object;
  /** Prisma's name for the isolation that it has at least. */
  readonly isolationLevel: string;
}

/** A statement came after the handler of its transaction had ended, and was not sent. */
export class TransactionOverError extends Error {
  override readonly name = "TransactionOverError";

  constructor() {
    super(
      "onceonly: this statement came after the handler of its transaction had ended, and was not sent; await every " +
        "statement in the handler. What shall happen later belongs into afterCommit, and what runs for ever is to be " +
        "started outside of handlers.",
    );
  }
}

/** What a batch gets that has such a statement in it. */
class ElsewhereError extends TypeError {
  constructor() {
    super(
      "onceonly: a statement that was made in a handler, for its transaction, is in a $transaction of another; make that " +
        "$transaction in the handler too, through tx or a client that withAmbientTransaction returned.",
    );
  }
}
