import { TIMER_MS_MAX } from "../core/misuse.ts";
import type { LeaseStore, PruneParams, Store, StoreSession, TransactionLimits } from "../core/store.ts";
import type { PrismaClientLike, RawClient, TransactionOf } from "./client.ts";
import type { Dialect } from "./dialect.ts";
import { faultOf } from "./errors.ts";
import { transactionOptionsOf } from "./internals.ts";
import { endingBy } from "./late.ts";
import { type ModelOptions, type Names, namesIn } from "./model.ts";
import { Queries } from "./queries.ts";
import { SealableTransaction } from "./sealable.ts";

/** The {@link Store} port over a generated Prisma client and raw SQL. */
export class PrismaStore<TClient extends PrismaClientLike> implements Store<TransactionOf<TClient>> {
  readonly #client: TClient;
  readonly #dialect: Dialect;
  readonly #models: ModelOptions | undefined;
  #known: Names | undefined;

  constructor(client: TClient, dialect: Dialect, models: ModelOptions | undefined) {
    this.#client = client;
    this.#dialect = dialect;
    this.#models = models;
  }

  async transaction<T>(
    limits: TransactionLimits,
    body: (session: StoreSession<TransactionOf<TClient>>) => Promise<T>,
  ): Promise<T> {
    const names = this.#names();
    const options = this.#prismaOptions(limits);
    const limitMs = options.timeout + (options.maxWait ?? PRISMA_MAX_WAIT_MS);
    return endingBy(limitMs, (over) => {
      const begun = (tx: TransactionOf<TClient> & RawClient) => {
        over.throwIfAborted();
        return body(new PrismaSession(tx, this.#dialect, names));
      };
      return this.#client.$transaction(begun, options) as Promise<T>;
    });
  }

  faultOf(error: unknown): ReturnType<Store<never>["faultOf"]> {
    return faultOf(this.#dialect, error);
  }

  get leases(): LeaseStore {
    return this.#onClient();
  }

  async prune(params: PruneParams): Promise<number> {
    return this.#onClient().prune(params);
  }

  #onClient(): Queries {
    const raw = this.#dialect.commitsByItself ? this.#client : this.#inTransactions();
    return new Queries(raw, this.#dialect, this.#names());
  }

  /** Sends each statement in a transaction of its own. */
  #inTransactions(): RawClient {
    const options = this.#prismaOptions(NO_LIMITS);
    const send = <T>(statement: (tx: RawClient) => PromiseLike<T>): Promise<T> =>
      this.#client.$transaction(async (tx: RawClient) => statement(tx), options) as Promise<T>;
    return {
      $queryRawUnsafe: (text, ...values: unknown[]) => send((tx) => tx.$queryRawUnsafe(text, ...values)),
      $executeRawUnsafe: (text, ...values: unknown[]) => send((tx) => tx.$executeRawUnsafe(text, ...values)),
    };
  }

  /** Read at the first use: the application starts without the models, and its first keyed mutation says so. */
  #names(): Names {
    this.#known ??= namesIn(this.#client, this.#models);
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
    return {
      timeout: Math.min((timeoutMs ?? own.timeout ?? PRISMA_TIMEOUT_MS) + lockWaitMs, TIMER_MS_MAX),
      ...(maxWait === undefined ? {} : { maxWait }),
      ...(isolationLevel === undefined ? {} : { isolationLevel }),
    };
  }
}

const NO_LIMITS: TransactionLimits = {
  maxWaitMs: undefined,
  timeoutMs: undefined,
  lockWaitMs: 0,
  isolationLevel: undefined,
};

const PRISMA_TIMEOUT_MS = 5_000;
const PRISMA_MAX_WAIT_MS = 2_000;

interface PrismaTransactionOptions {
  readonly timeout: number;
  readonly maxWait?: number;
  readonly isolationLevel?: string;
}

class PrismaSession<TTransaction extends RawClient> extends Queries implements StoreSession<TTransaction> {
  /** For the handler's statements; our own do not go through it. */
  readonly #sealable: SealableTransaction<TTransaction>;

  constructor(tx: TTransaction, dialect: Dialect, names: Names) {
    super(tx, dialect, names);
    this.#sealable = new SealableTransaction(tx);
  }

  get tx(): TTransaction {
    return this.#sealable.tx;
  }

  seal(): Promise<void> {
    return this.#sealable.seal();
  }

  async savepoint(): Promise<void> {
    await this.raw.$executeRawUnsafe("SAVEPOINT onceonly");
  }

  async rollbackToSavepoint(): Promise<void> {
    await this.raw.$executeRawUnsafe("ROLLBACK TO SAVEPOINT onceonly");
  }
}
