import { TIMER_MS_MAX } from "../core/misuse.ts";
import type {
  Claim,
  ClaimParams,
  CompleteParams,
  Store,
  StoreSession,
  TransactionLimits,
} from "../core/store.ts";
import type { PrismaClientLike, RawClient, TransactionOf } from "./client.ts";
import type { Dialect } from "./dialect.ts";
import { faultOf, StoreError } from "./errors.ts";
import { transactionOptionsOf } from "./internals.ts";
import { endingBy } from "./late.ts";
import { type ModelOptions, type TableNames, tableNames } from "./model.ts";
import { SealableTransaction } from "./sealable.ts";
import type { RecordRow, Statement } from "./statement.ts";

/** The {@link Store} port over a generated Prisma client and raw SQL. */
export class PrismaStore<TClient extends PrismaClientLike> implements Store<TransactionOf<TClient>> {
  readonly #client: TClient;
  readonly #dialect: Dialect;
  readonly #models: ModelOptions | undefined;
  #names: TableNames | undefined;

  constructor(client: TClient, dialect: Dialect, models: ModelOptions | undefined) {
    this.#client = client;
    this.#dialect = dialect;
    this.#models = models;
  }

  async transaction<T>(
    limits: TransactionLimits,
    body: (session: StoreSession<TransactionOf<TClient>>) => Promise<T>,
  ): Promise<T> {
    const names = this.#tableNames();
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

  async prune(params: { readonly limit: number }): Promise<number> {
    return affected(this.#client, this.#dialect.prune(this.#tableNames(), params));
  }

  /** Read at the first use: the application starts without the model, and its first keyed mutation says so. */
  #tableNames(): TableNames {
    this.#names ??= tableNames(this.#client, this.#models);
    return this.#names;
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

const PRISMA_TIMEOUT_MS = 5_000;
const PRISMA_MAX_WAIT_MS = 2_000;

interface PrismaTransactionOptions {
  readonly timeout: number;
  readonly maxWait?: number;
  readonly isolationLevel?: string;
}

class PrismaSession<TTransaction extends RawClient> implements StoreSession<TTransaction> {
  /** Our own statements; the handler's go through {@link tx}. */
  readonly #raw: RawClient;
  readonly #sealable: SealableTransaction<TTransaction>;
  readonly #dialect: Dialect;
  readonly #names: TableNames;

  constructor(tx: TTransaction, dialect: Dialect, names: TableNames) {
    this.#raw = tx;
    this.#sealable = new SealableTransaction(tx);
    this.#dialect = dialect;
    this.#names = names;
  }

  get tx(): TTransaction {
    return this.#sealable.tx;
  }

  seal(): Promise<void> {
    return this.#sealable.seal();
  }

  async claim(params: ClaimParams): Promise<Claim> {
    const row =
      (await this.#firstRow(this.#dialect.claim(this.#names, params))) ??
      (await this.#firstRow(this.#dialect.read(this.#names, params.id)));
    if (row === undefined) {
      // Deleted between the two statements, by `prune` or by hand.
      throw new StoreError("write_conflict", "The record vanished during its claim");
    }
    if (row.mine) {
      return { state: "claimed", attempt: Number(row.attempt) };
    }
    const { status, fingerprint, owner, response } = row;
    if ((status !== "completed" && status !== "failed") || response === null) {
      throw new Error(
        `The idempotency record ${params.id} has status "${status}", which no committed one can have`,
      );
    }
    return { state: "finished", record: { status, fingerprint, owner, response } };
  }

  async savepoint(): Promise<void> {
    await this.#raw.$executeRawUnsafe("SAVEPOINT onceonly");
  }

  async rollbackToSavepoint(): Promise<void> {
    await this.#raw.$executeRawUnsafe("ROLLBACK TO SAVEPOINT onceonly");
  }

  async complete(params: CompleteParams): Promise<boolean> {
    return (await affected(this.#raw, this.#dialect.complete(this.#names, params))) === 1;
  }

  async #firstRow({ text, values }: Statement): Promise<RecordRow | undefined> {
    try {
      const rows = await this.#raw.$queryRawUnsafe<RecordRow[]>(text, ...values);
      return rows[0];
    } catch (cause) {
      if (faultOf(this.#dialect, cause) === "schema_missing") {
        throw new StoreError(
          "schema_missing",
          `The table ${this.#names.table} is not in the database: migrate the model IdempotencyRecord, or apply ` +
            "prisma/<provider>/idempotency.sql of the package onceonly.",
          cause,
        );
      }
      throw cause;
    }
  }
}

async function affected(client: RawClient, { text, values }: Statement): Promise<number> {
  return client.$executeRawUnsafe(text, ...values);
}
