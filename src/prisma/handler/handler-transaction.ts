import type { RunningHandler } from "../../core/contract/store.ts";
import { failureAt } from "../../core/contract/test-points.ts";
import type { RawClient } from "../client/client.ts";
import type { DriverTransaction } from "../client/driver.ts";
import { transactionInfoOf } from "../client/private-members.ts";
import { Savepoint } from "../client/savepoint.ts";
import { EndingError } from "../client/transaction-errors.ts";
import { currentScope, findScope, type HandlerScope, inScope, isSending, outsideHandlers } from "./scope.ts";
import { HANDLER_TRANSACTION } from "./shared-symbols.ts";
import { ElsewhereError, TransactionLostError, TransactionOverError } from "./transaction-errors.ts";

/**
 * The transaction of a handler, or one nested in it. Decides which statements may be sent, and when.
 *
 * - Once the handler has ended, statements under way are awaited and later ones are refused. A statement that nobody
 *   awaited could otherwise run after the result was stored. If it failed there, PostgreSQL would answer COMMIT with a
 *   rollback, which Prisma does not report.
 * - A nested transaction is a savepoint on the one connection there is. Until it ends, statements from outside it wait,
 *   because its rollback would undo what they write and what they have read. The next nested transaction waits too.
 * - If the database cannot return to a savepoint, it has ended the whole transaction: SQLite does so after some errors
 *   (https://www.sqlite.org/lang_transaction.html, section 3.1). Every later statement would commit by itself, so it is
 *   refused, and so is the result even if the handler has caught the error.
 * - When its time is over, it is closed before Prisma ends it.
 * - A handler must not end its transaction itself: later writes would commit whatever becomes of the run. What would do so is
 *   refused, and then the same holds.
 */
export class HandlerTransaction {
  readonly begun: BegunTransaction;
  readonly #parent: HandlerTransaction | undefined;
  readonly #outer: HandlerScope | undefined;
  /** Statements under way. */
  readonly #statements: Set<Promise<unknown>> = new Set();
  /** Nested transactions, under way or waiting for their turn. */
  readonly #nestedRuns: Set<Promise<unknown>> = new Set();
  /** Resolves when the nested transaction under way has ended. */
  #currentNested: Promise<void> | undefined;
  #child: HandlerTransaction | undefined;
  #handler: RunningHandler | undefined;
  #isOver = false;
  /** Of the outermost one: why nothing of it may be committed. */
  #lost: Error | undefined;
  #info: object | undefined;

  /** `outer` is the scope in which it was begun. */
  constructor(begun: BegunTransaction, outer: HandlerScope | undefined, parent?: HandlerTransaction) {
    this.begun = begun;
    this.#outer = outer;
    this.#parent = parent;
  }

  /**
   * Prisma's own description of the transaction. With it, a client of the same engine sends a statement in this
   * transaction, and {@link handlerTransactionIn} finds this object again.
   */
  get info(): object {
    this.#info ??= { ...this.#prismasInfo(), [HANDLER_TRANSACTION]: this };
    return this.#info;
  }

  #prismasInfo(): object {
    const info = this.#parent?.info ?? transactionInfoOf(this.begun.tx);
    if (typeof info !== "object" || info === null) {
      throw new Error(
        "onceonly: this version of Prisma does not tell which transaction a client is in, so clients with extensions " +
          "and clients of withAmbientTransaction cannot join it.",
      );
    }
    return info;
  }

  get isOver(): boolean {
    return this.#isOver || this.#parent?.isOver === true;
  }

  get hasNested(): boolean {
    return this.#currentNested !== undefined;
  }

  /**
   * The handler, while it runs; after the end of a nested transaction, the one around that. In a nested transaction it has
   * an `afterCommit` of its own, until that has succeeded.
   */
  get handler(): RunningHandler | undefined {
    return this.#isOver ? this.#parent?.handler : this.isOver ? undefined : this.#handler;
  }

  /** Calls `work` as the handler. Once `work` has ended, the transaction is closed to it. */
  runHandler<T>(work: () => PromiseLike<T>, handler?: RunningHandler): Promise<T> {
    this.#handler = handler ?? this.#handler;
    return inScope({ transaction: this, outer: this.#outer }, () => this.#untilOver(work));
  }

  async #untilOver<T>(work: () => PromiseLike<T>): Promise<T> {
    try {
      // Awaited in the scope: a promise of Prisma's sends its statement when it is awaited.
      return await work();
    } finally {
      this.#isOver = true;
      while (this.#statements.size + this.#nestedRuns.size > 0) {
        // Their errors are the handler's concern.
        await Promise.allSettled([...this.#statements, ...this.#nestedRuns]);
      }
    }
  }

  /** Calls `work` inside this transaction, or inside the nested one that the caller is in, and tells it which. */
  within<T>(work: (here: HandlerTransaction) => T): T {
    const here = this.#innermost();
    const scope = currentScope();
    return scope?.transaction === here
      ? work(here)
      : inScope({ transaction: here, outer: scope ?? here.#outer }, () => work(here));
  }

  /**
   * Sends a statement in its turn: in the nested transaction that the caller is in, unless it is `statement` and an
   * extension sends that from another context than it was started in. Calls `start` at most once.
   */
  send<T>(start: () => PromiseLike<T>, statement?: object): Promise<T> {
    const here = statement === undefined || isSending(statement) ? this.#innermost() : this;
    const refusal = here.#refusal;
    if (refusal !== undefined) {
      return here.#refuse(refusal);
    }
    if (here.#currentNested !== undefined) {
      return here.#currentNested.then(() => here.send(start, statement));
    }
    const failure = failureAt("statement", here.#handler ?? {});
    if (failure !== undefined) {
      return Promise.reject(failure);
    }
    // Calling `then` makes Prisma send the statement, which has to happen now.
    const ended = Promise.resolve(start().then((value) => value));
    here.#track(here.#statements, ended);
    return ended;
  }

  #refuse(refusal: Error): Promise<never> {
    if (this.isOver) {
      failureAt("late statement", this.#handler ?? {});
    }
    return Promise.reject(refusal);
  }

  /** Runs `work` inside a savepoint: released if `work` resolves, rolled back to if it rejects. */
  runNested<T>(work: (child: HandlerTransaction) => Promise<T>): Promise<T> {
    const here = this.#innermost();
    const ended = here.#runInTurn(work);
    here.#track(here.#nestedRuns, ended);
    return ended;
  }

  async #runInTurn<T>(work: (child: HandlerTransaction) => Promise<T>): Promise<T> {
    while (this.#currentNested !== undefined) {
      await this.#currentNested;
    }
    let leave: (() => void) | undefined;
    this.#currentNested = new Promise((resolve) => {
      leave = resolve;
    });
    try {
      await Promise.allSettled(this.#statements);
      if (this.#refusal !== undefined) {
        throw this.#refusal;
      }
      return await this.#inSavepoint(work);
    } finally {
      this.#currentNested = undefined;
      leave?.();
    }
  }

  async #inSavepoint<T>(work: (child: HandlerTransaction) => Promise<T>): Promise<T> {
    const child = new HandlerTransaction(this.begun, currentScope(), this);
    child.#handler = this.handler && { ...this.handler, afterCommit: [] };
    this.#child = child;
    const savepoint = new Savepoint(this.begun.raw, this.#depth);
    // The caller may run in the handler of another run too, whose statements these are not.
    await outsideHandlers(() => savepoint.set());
    try {
      const value = await work(child);
      await outsideHandlers(() => savepoint.release());
      this.#handler?.afterCommit.push(...(child.#handler?.afterCommit ?? []));
      return value;
    } catch (error) {
      await outsideHandlers(() => savepoint.rollBack()).catch((cause: unknown) => {
        this.outermost.#lost = new TransactionLostError(cause);
      });
      throw error;
    }
  }

  /**
   * Sends nothing more, for the reason of `error`. Resolves when no statement is under way: Prisma makes some operations of
   * several, and would send the rest after its ROLLBACK, where each commits by itself
   * (https://github.com/prisma/orm/issues/29762).
   */
  async close(error: Error): Promise<void> {
    this.#lost ??= error;
    this.begun.driver?.close();
    await this.#settled();
  }

  async #settled(): Promise<void> {
    await Promise.allSettled(this.#statements);
    if (this.#child !== undefined) {
      await this.#child.#settled();
    }
  }

  /** Takes the place of {@link send} for a statement that would end the transaction. */
  refuseEnding(): Promise<never> {
    const here = this.#innermost();
    const refusal = here.#refusal ?? new EndingError();
    if (!here.isOver) {
      here.outermost.#lost = refusal;
    }
    return Promise.reject(refusal);
  }

  /** Why nothing may be sent any more; `undefined` while something may. */
  get #refusal(): Error | undefined {
    return this.isOver ? new TransactionOverError() : this.#loss;
  }

  /** @throws the reason why nothing of the transaction may be committed. */
  throwIfLost(): void {
    if (this.#loss !== undefined) {
      throw this.#loss;
    }
  }

  get #loss(): Error | undefined {
    return this.outermost.#lost ?? this.begun.driver?.mistake;
  }

  /** Not private, as {@link isPartOf}. */
  get outermost(): HandlerTransaction {
    return this.#parent?.outermost ?? this;
  }

  /**
   * The nested transaction that the caller runs in, whichever client it uses; this one if it runs in none. One that is over
   * counts, even if its caller has found the client of the next one: what it writes is no part of that.
   */
  #innermost(): HandlerTransaction {
    const scope = findScope(
      ({ transaction }) =>
        transaction.isPartOf(this) || (transaction.isOver && transaction.outermost === this.outermost),
    );
    return scope?.transaction ?? this;
  }

  /** Not private: `other` may come from another copy of this package. */
  isPartOf(other: HandlerTransaction): boolean {
    return this === other || this.#parent?.isPartOf(other) === true;
  }

  get #depth(): number {
    return this.#parent === undefined ? 1 : this.#parent.#depth + 1;
  }

  /** The error for a statement that was made for this transaction and is about to be sent in another. */
  errorElsewhere(): Error {
    return this.isOver ? new TransactionOverError() : new ElsewhereError();
  }

  #track(those: Set<Promise<unknown>>, ended: Promise<unknown>): void {
    those.add(ended);
    const forget = () => void those.delete(ended);
    ended.then(forget, forget);
  }
}

/** The transaction whose {@link HandlerTransaction.info} a statement is sent with. */
export function handlerTransactionIn(info: unknown): HandlerTransaction | undefined {
  return (info as { readonly [HANDLER_TRANSACTION]?: HandlerTransaction } | undefined)?.[HANDLER_TRANSACTION];
}

/** A transaction as Prisma has begun it. */
export interface BegunTransaction {
  /** Prisma's transaction client. */
  readonly tx: RawClient;
  /** For our own statements, which must pass neither the application's extensions nor its own class. */
  readonly raw: RawClient;
  /** The client that it was begun with. */
  readonly client: object;
  /** The client that all clients extended from it share, and with it its transactions. */
  readonly engine: object;
  /** Prisma's name for the isolation that it has at least. */
  readonly isolationLevel: string;
  /** Whether a statement in the text ends it. */
  readonly endsTransaction: (sql: string) => boolean;
  /** Its side of the driver, if that is watched. */
  readonly driver: DriverTransaction | undefined;
}
