import { TIMER_MS_MAX } from "../core/browser/option-checks.ts";
import type { Finding } from "../core/contract/finding.ts";
import type {
  FinishedRecord,
  LeaseStore,
  PruneParams,
  RunningHandler,
  Store,
  StoreSession,
  TransactionLimits,
} from "../core/contract/store.ts";
import type { Dialect } from "../sql/dialect.ts";
import { faultOf } from "../sql/faults.ts";
import { type ModelOptions, type Names, namesIn } from "../sql/names.ts";
import { Queries } from "../sql/queries.ts";
import { StoreError } from "../sql/store-error.ts";
import { Batch } from "./client/batch.ts";
import type { PrismaClientLike, RawClient, TransactionOf } from "./client/client.ts";
import { ExpiredTransactionError, endingWithin } from "./client/deadline.ts";
import { type AdapterFactory, observeTransactions, withDriverTransaction } from "./client/driver.ts";
import {
  adapterFactoryOf,
  describedBy,
  engineOf,
  isExtended,
  transactionOptionsOf,
} from "./client/private-members.ts";
import { HandlerMistakeError } from "./client/transaction-errors.ts";
import { HandlerTransaction } from "./handler/handler-transaction.ts";
import { unextended } from "./handler/joined-client.ts";
import { JoiningClient } from "./handler/joining-client.ts";
import { checkIsolation } from "./handler/nested-transaction.ts";
import {
  currentScope,
  type HandlerScope,
  handlerTransactionOf,
  inHandler,
  outsideHandlers,
} from "./handler/scope.ts";
import { PrismaSql } from "./prisma-sql.ts";
import { PrismaSession } from "./session.ts";
import { checkSetUp } from "./set-up-check.ts";

/** The {@link Store} port over a generated Prisma client and raw SQL. */
export class PrismaStore<TClient extends PrismaClientLike> implements Store<TransactionOf<TClient>> {
  readonly timeoutMs: number;
  readonly #client: TClient;
  /** The client without extensions, for our own statements. */
  readonly #engine: PrismaClientLike;
  readonly #isExtended: boolean;
  readonly #joining: JoiningClient;
  readonly #adapter: AdapterFactory | undefined;
  readonly #dialect: Dialect;
  readonly #models: ModelOptions | undefined;
  /** Has its own limit, as no transaction limits it: it could wait for ever for a full pool or on a dead connection. */
  readonly #replayable: Batch<FinishedRecord> = new Batch((ids) =>
    endingWithin(READ_MS, notReadInTime, () => this.#onClient().replayableAmong(ids)),
  );
  #known: Names | undefined;

  constructor(client: TClient, dialect: Dialect, models: ModelOptions | undefined) {
    this.#client = client;
    this.#engine = engineOf(client) as PrismaClientLike;
    this.#isExtended = isExtended(client);
    this.#joining = new JoiningClient(client);
    this.#dialect = dialect;
    this.#models = models;
    this.#adapter = adapterFactoryOf(client);
    this.timeoutMs = transactionOptionsOf(client).timeout ?? PRISMA_TIMEOUT_MS;
    observeTransactions(this.#adapter);
  }

  async transaction<T>(
    limits: TransactionLimits,
    body: (session: StoreSession<TransactionOf<TClient>>) => Promise<T>,
  ): Promise<T> {
    const names = this.#names();
    const options = this.#prismaOptions(limits);
    const enclosing = this.#openTransaction();
    if (enclosing !== undefined) {
      checkIsolation(enclosing, limits);
      return enclosing.runNested((child) => body(this.#session(child, child.begun.raw, names, options)));
    }
    const outer = currentScope();
    return outsideHandlers(() => this.#begin(options, names, outer, body));
  }

  /**
   * Has Prisma begin the transaction. Its time is ours to end, as only we know which statements are under way; Prisma is given
   * no limit. Rejects soon afterwards even if Prisma's promise does not: a BEGIN, COMMIT or ROLLBACK may hang.
   */
  #begin<T>(
    options: PrismaTransactionOptions,
    names: Names,
    outer: HandlerScope | undefined,
    body: (session: StoreSession<TransactionOf<TClient>>) => Promise<T>,
  ): Promise<T> {
    const {
      timeout,
      maxWait = PRISMA_MAX_WAIT_MS,
      isolationLevel = this.#dialect.weakestIsolation,
    } = options;
    let transaction: HandlerTransaction | undefined;
    const errorOf = () => new ExpiredTransactionError(timeout, transaction?.hasNested === true);
    return endingWithin(timeout + maxWait + GRACE_MS, errorOf, (deadline) =>
      withDriverTransaction(this.#adapter, inHandler, (driverOf) => {
        const work = (tx: TransactionOf<TClient> & RawClient) => {
          if (deadline.isOver) {
            throw errorOf();
          }
          const raw = this.#isExtended ? unextended(this.#engine, tx) : tx;
          const driver = driverOf();
          const begun = new HandlerTransaction(
            { tx, raw, engine: this.#engine, isolationLevel, driver },
            outer,
          );
          transaction = begun;
          const closed = async () => {
            const error = errorOf();
            await begun.close(error);
            return error;
          };
          return endingWithin(timeout, closed, () =>
            body(this.#session(begun, driver?.under(raw) ?? raw, names, options)),
          );
        };
        return this.#client.$transaction(work, { ...options, timeout: TIMER_MS_MAX }) as Promise<T>;
      }),
    );
  }

  #session(
    transaction: HandlerTransaction,
    raw: RawClient,
    names: Names,
    { timeout }: PrismaTransactionOptions,
  ): PrismaSession<TransactionOf<TClient>> {
    const client = this.#joining.in(transaction) as TransactionOf<TClient>;
    return new PrismaSession(transaction, client, raw, timeout + GRACE_MS, [
      new PrismaSql(raw),
      this.#dialect,
      names,
    ]);
  }

  runningHandler(): RunningHandler | undefined {
    return this.#openTransaction()?.handler;
  }

  #openTransaction(): HandlerTransaction | undefined {
    const transaction = handlerTransactionOf(this.#engine);
    return transaction?.handler === undefined ? undefined : transaction;
  }

  faultOf(error: unknown): ReturnType<Store<never>["faultOf"]> {
    return error instanceof HandlerMistakeError ? "handler_mistake" : faultOf(this.#dialect, error);
  }

  async replayable(id: string): Promise<FinishedRecord | undefined> {
    return this.#replayable.get(id);
  }

  get leases(): LeaseStore {
    return this.#onClient();
  }

  async check(): Promise<readonly Finding[]> {
    return checkSetUp(this.#client, new PrismaSql(this.#engine), this.#dialect, this.#names());
  }

  async prune(params: PruneParams): Promise<number> {
    return this.#onClient().prune(params);
  }

  #onClient(): Queries {
    const raw = this.#dialect.commitsByItself ? this.#engine : this.#inTransactions();
    return new Queries(new PrismaSql(raw), this.#dialect, this.#names());
  }

  /** Sends each statement in its own transaction. */
  #inTransactions(): RawClient {
    const options = this.#prismaOptions(NO_LIMITS);
    const send = <T>(statement: (tx: RawClient) => PromiseLike<T>): Promise<T> =>
      this.#engine.$transaction(async (tx: RawClient) => statement(tx), options) as Promise<T>;
    return {
      $queryRawUnsafe: (text, ...values: unknown[]) => send((tx) => tx.$queryRawUnsafe(text, ...values)),
      $executeRawUnsafe: (text, ...values: unknown[]) => send((tx) => tx.$executeRawUnsafe(text, ...values)),
    };
  }

  /** Read at the first use: an application without the models starts, and its first keyed mutation reports them missing. */
  #names(): Names {
    this.#known ??= namesIn(describedBy(this.#client), this.#models);
    return this.#known;
  }

  #prismaOptions({
    maxWaitMs,
    timeoutMs,
    isolationLevel,
    lockWaitMs,
  }: TransactionLimits): PrismaTransactionOptions {
    const own = transactionOptionsOf(this.#client);
    const maxWait = maxWaitMs ?? own.maxWait ?? this.#dialect.maxWaitMs;
    const isolation = isolationLevel ?? own.isolationLevel;
    return {
      timeout: Math.min((timeoutMs ?? this.timeoutMs) + lockWaitMs, TIMER_MS_MAX),
      ...(maxWait === undefined ? {} : { maxWait }),
      ...(isolation === undefined ? {} : { isolationLevel: isolation }),
    };
  }
}

const NO_LIMITS: TransactionLimits = {
  maxWaitMs: undefined,
  timeoutMs: undefined,
  lockWaitMs: 0,
  isolationLevel: undefined,
};

const READ_MS = 1_000;
const notReadInTime = () => new StoreError("unavailable", `The records were not read within ${READ_MS} ms`);

/** How long we wait for Prisma's promise after Prisma's own limits, which do not count the COMMIT. */
const GRACE_MS = 1_000;

const PRISMA_TIMEOUT_MS = 5_000;
const PRISMA_MAX_WAIT_MS = 2_000;

interface PrismaTransactionOptions {
  readonly timeout: number;
  readonly maxWait?: number;
  readonly isolationLevel?: string;
}
