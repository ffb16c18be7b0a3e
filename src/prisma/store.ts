import { TIMER_MS_MAX } from "../core/browser/option-checks.ts";
import type {
  CheckedLimits,
  Ending,
  FinishedRecord,
  LeaseStore,
  Opening,
  RunningHandler,
  Store,
  StoreSession,
  TransactionLimits,
} from "../core/contract/store.ts";
import type { Finding } from "../core/contract/upkeep/finding.ts";
import type { UpkeepStore } from "../core/contract/upkeep/upkeep-store.ts";
import type { Capabilities } from "../sql/dialect/capabilities.ts";
import type { Dialect } from "../sql/dialect/dialect.ts";
import { explaining, faultOf } from "../sql/dialect/faults.ts";
import { type ModelOptions, type Names, namesIn } from "../sql/dialect/names.ts";
import { StoreError } from "../sql/dialect/store-error.ts";
import { namingOf } from "../sql/dialects.ts";
import { Queries } from "../sql/queries.ts";
import type { SqlClient } from "../sql/sql-client.ts";
import { UpkeepQueries } from "../sql/upkeep-queries.ts";
import { ClaimMessages, followersOf } from "./claim-messages.ts";
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
import { Savepoint } from "./client/savepoint.ts";
import type { Followers, SharedMessages } from "./client/shared-messages.ts";
import { HandlerMistakeError } from "./client/transaction-errors.ts";
import { HandlerTransaction } from "./handler/handler-transaction.ts";
import { unextended } from "./handler/joined-client.ts";
import { JoiningClient } from "./handler/joining-client.ts";
import { checkIsolation } from "./handler/nested-transaction.ts";
import { hasPrismasTransaction, pastOverrides } from "./handler/own-class.ts";
import {
  currentScope,
  type HandlerScope,
  handlerTransactionOf,
  inHandler,
  outsideHandlers,
} from "./handler/scope.ts";
import { OwnStatements } from "./own-statements.ts";
import { PrismaSql } from "./prisma-sql.ts";
import { PrismaSession } from "./session.ts";
import { checkSetUp } from "./set-up-check.ts";
import { TimelyLeases } from "./timely-leases.ts";
import { TimelySql } from "./timely-sql.ts";
import {
  NO_LIMITS,
  PRISMA_TIMEOUT_MS,
  type PrismaTransactionOptions,
  prismaOptions,
} from "./transaction-options.ts";

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
  readonly #capabilities: Capabilities;
  readonly #own: OwnStatements;
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
    this.#capabilities = dialect.capabilities;
    this.#adapter = adapterFactoryOf(client);
    this.#own = new OwnStatements(this.#engine, this.#adapter, dialect, () => this.#prismaOptions(NO_LIMITS));
    this.#models = models;
    this.timeoutMs = transactionOptionsOf(client).timeout ?? PRISMA_TIMEOUT_MS;
    observeTransactions(this.#adapter);
  }

  async transaction<T>(
    opening: Opening,
    body: (session: StoreSession<TransactionOf<TClient>>) => Promise<Ending<T>>,
  ): Promise<T> {
    const names = this.#names();
    const options = this.#prismaOptions(opening.limits);
    const plan = { names, options, opening: this.#keptUntilEnd(opening, options) };
    const enclosing = this.#openTransaction();
    if (enclosing !== undefined) {
      checkIsolation(enclosing, opening.limits);
      return enclosing.runNested((child) => this.#run(this.#session(child, child.begun.raw, plan), body));
    }
    await this.#own.ready(options.maxWait);
    const outer = currentScope();
    return outsideHandlers(() => this.#begin(plan, outer, body));
  }

  /** Storing the outcome must change no indexed column, so the claim adds the longest that may pass until then. */
  #keptUntilEnd({ claim, ...opening }: Opening, { timeout }: PrismaTransactionOptions): Opening {
    return claim === undefined
      ? opening
      : { ...opening, claim: { ...claim, retentionMs: claim.retentionMs + timeout + GRACE_MS } };
  }

  async #run<T>(
    session: PrismaSession<TransactionOf<TClient>>,
    body: (session: StoreSession<TransactionOf<TClient>>) => Promise<Ending<T>>,
  ): Promise<T> {
    const { value, outcome } = await body(session);
    if (outcome !== undefined) {
      await session.end(outcome);
    }
    return value;
  }

  /**
   * Has Prisma begin the transaction. Its time is ours to end, as only we know which statements are under way; Prisma is given
   * no limit. Rejects soon afterwards even if Prisma's promise does not: a BEGIN, COMMIT or ROLLBACK may hang.
   */
  #begin<T>(
    plan: Plan,
    outer: HandlerScope | undefined,
    body: (session: StoreSession<TransactionOf<TClient>>) => Promise<Ending<T>>,
  ): Promise<T> {
    const {
      timeout,
      maxWait: ownMaxWait,
      isolationLevel = this.#capabilities.weakestIsolation,
    } = plan.options;
    const { endsTransaction } = this.#capabilities;
    const followers = this.#followers(plan);
    // A claim that travels with BEGIN waits in Prisma's time for that.
    const blocksMs = followers === undefined ? 0 : plan.opening.limits.lockWaitMs;
    const maxWait = Math.min(ownMaxWait + blocksMs, TIMER_MS_MAX);
    let transaction: HandlerTransaction | undefined;
    let session: PrismaSession<TransactionOf<TClient>> | undefined;
    const errorOf = () => new ExpiredTransactionError(timeout, transaction?.hasNested === true);
    return endingWithin(timeout + maxWait + GRACE_MS, errorOf, (deadline) =>
      withDriverTransaction(
        this.#adapter,
        { inHandler, followers, rules: this.#capabilities },
        (driverOf) => {
          const work = (tx: TransactionOf<TClient> & RawClient) => {
            if (deadline.isOver) {
              throw errorOf();
            }
            const raw = this.#isExtended ? unextended(this.#engine, tx) : pastOverrides(this.#engine, tx);
            const driver = driverOf();
            const open = new HandlerTransaction(
              {
                tx,
                raw,
                client: this.#client,
                engine: this.#engine,
                isolationLevel,
                endsTransaction,
                driver,
              },
              outer,
            );
            transaction = open;
            const opened = this.#session(open, driver?.under(raw) ?? raw, plan, driver?.messages);
            session = opened;
            const closed = async () => {
              const error = errorOf();
              await open.close(error);
              return error;
            };
            const left = timeout - (driver?.messages?.msSinceBegin() ?? 0);
            return endingWithin(left, closed, () => this.#run(opened, body));
          };
          const options = { ...plan.options, maxWait, timeout: TIMER_MS_MAX };
          const ended = explaining(this.#dialect, this.#client.$transaction(work, options) as Promise<T>);
          return followers === undefined
            ? ended
            : ended.catch(async (error: unknown) => {
                throw session === undefined ? error : await session.errorOfEnd(this.#onClient(), error);
              });
        },
      ),
    );
  }

  #session(
    transaction: HandlerTransaction,
    raw: RawClient,
    { names, opening: { claim, isUndoable } }: Plan,
    messages?: SharedMessages,
  ): PrismaSession<TransactionOf<TClient>> {
    const { message } = this.#capabilities;
    return new PrismaSession({
      transaction,
      tx: this.#joining.own(transaction) as TransactionOf<TClient>,
      raw,
      queries: new Queries(new PrismaSql(raw), this.#dialect, names),
      claim,
      savepoint: isUndoable === true ? new Savepoint(raw) : undefined,
      messages: message && messages && new ClaimMessages(messages, this.#dialect, message, names),
    });
  }

  /** What may follow BEGIN in its message: only where `$transaction` begins no other transaction before. */
  #followers({ names, opening: { claim, isUndoable } }: Plan): Followers | undefined {
    const { message } = this.#capabilities;
    return claim !== undefined && message !== undefined && hasPrismasTransaction(this.#client, this.#engine)
      ? followersOf(this.#dialect, names, claim, isUndoable === true)
      : undefined;
  }

  get conflictsAtCommit(): boolean {
    return this.#own.conflictsAtCommit;
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
    const { maxWait } = this.#prismaOptions(NO_LIMITS);
    return new TimelyLeases(maxWait, this.#own, this.#dialect, this.#names());
  }

  async check(limits: CheckedLimits): Promise<readonly Finding[]> {
    await explaining(this.#dialect, Promise.resolve(this.#own.ready(FIRST_ANSWER_MS)));
    // What keeps a transaction from beginning keeps every run from it.
    await this.transaction({ limits: NO_LIMITS }, async () => ({ value: undefined }));
    return checkSetUp(this.#client, this.#timely(), this.#dialect, this.#names(), limits);
  }

  get upkeep(): UpkeepStore {
    return new UpkeepQueries(this.#timely(), this.#dialect, this.#names());
  }

  /** A batch of `prune` may take as long as a transaction may: how large it is, the application says. */
  #timely(): SqlClient {
    const { timeout, maxWait } = this.#prismaOptions(NO_LIMITS);
    return new TimelySql(this.#own, timeout + maxWait + GRACE_MS);
  }

  #onClient(): Queries {
    return new Queries(this.#own, this.#dialect, this.#names());
  }

  /** Read at the first use: an application without the models starts, and its first keyed mutation reports them missing. */
  #names(): Names {
    this.#known ??= namesIn(describedBy(this.#client), this.#models, namingOf(this.#dialect));
    return this.#known;
  }

  #prismaOptions(limits: TransactionLimits): PrismaTransactionOptions {
    return prismaOptions(limits, transactionOptionsOf(this.#client), this.#capabilities);
  }
}

/** Drivers tell why they have no connection when they give it up: mariadb's pool after 10 seconds, as it comes. */
const FIRST_ANSWER_MS = 15_000;

const READ_MS = 1_000;
const notReadInTime = () => new StoreError("unavailable", `The records were not read within ${READ_MS} ms`);

/** How long we wait for Prisma's promise after Prisma's own limits, which do not count the COMMIT. */
const GRACE_MS = 1_000;

/** A transaction that is to begin. */
interface Plan {
  readonly opening: Opening;
  readonly names: Names;
  readonly options: PrismaTransactionOptions;
}
