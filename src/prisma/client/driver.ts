import { AsyncLocalStorage } from "node:async_hooks";
import { StoreError } from "../../sql/dialect/store-error.ts";
import {
  type Adapter,
  type AdapterStatement,
  type AdapterTransaction,
  type BegunByAdapter,
  beginWith,
  type TransactionRules,
} from "./adapter-transaction.ts";
import { hidesFailedCommit } from "./adapters.ts";
import type { RawClient } from "./client.ts";
import { hearConnectionErrors } from "./connection-errors.ts";
import type { GuardedConnection } from "./guarded-connection.ts";
import type { Followers, SharedMessages } from "./shared-messages.ts";
import { EndedTransactionError, EndingError, HandlerMistakeError } from "./transaction-errors.ts";

/**
 * Sends our own writes straight to the driver adapter, past Prisma's client, in the transaction that Prisma has begun with
 * it. On a one-line statement the client spends more time than the driver and the database together.
 *
 * The interfaces are those of `@prisma/driver-adapter-utils`, the public interface between Prisma and its drivers.
 */

/** Opens the connections of a client; what the application passed to `PrismaClient` as `adapter`. */
export interface AdapterFactory {
  connect(): Promise<Adapter>;
  /** The name of its package. */
  readonly adapterName?: unknown;
}

interface BeginningOptions {
  /** Whether the caller is code of a handler. */
  readonly inHandler: () => boolean;
  readonly rules: TransactionRules;
  readonly followers: Followers | undefined;
}

/** What we learn about a transaction while Prisma begins it. */
class Beginning {
  readonly factory: AdapterFactory;
  /** Whether the caller is code of a handler. Prisma begins and ends transactions outside of them. */
  readonly inHandler: () => boolean;
  readonly rules: TransactionRules;
  #followers: Followers | undefined;
  #begun: DriverTransaction | undefined;
  #isAmbiguous = false;

  constructor(factory: AdapterFactory, { inHandler, rules, followers }: BeginningOptions) {
    this.factory = factory;
    this.inHandler = inHandler;
    this.rules = rules;
    this.#followers = followers;
  }

  /** For the first transaction alone. */
  takeFollowers(): Followers | undefined {
    const followers = this.#followers;
    this.#followers = undefined;
    return followers;
  }

  /** Called more than once if an extension of the application begins another transaction around it, or repeats it. */
  add(driver: DriverTransaction): void {
    this.#isAmbiguous ||= this.#begun?.isOver === false;
    this.#begun = driver;
  }

  get driver(): DriverTransaction | undefined {
    return this.#isAmbiguous ? undefined : this.#begun;
  }
}

const beginnings: AsyncLocalStorage<Beginning> = new AsyncLocalStorage();

const observed = new WeakSet<AdapterFactory>();

/** Makes connections that `factory` opens from now on report their transactions. */
export function observeTransactions(factory: AdapterFactory | undefined): void {
  if (factory === undefined || observed.has(factory)) {
    return;
  }
  observed.add(factory);
  const connect = factory.connect.bind(factory);
  factory.connect = async () => {
    const adapter = await connect();
    hearConnectionErrors(adapter);
    // oxlint-disable-next-line typescript/unbound-method -- called with the `this` that the caller gives
    const start = adapter.startTransaction;
    // No arrow function, as another copy of this package may stand around it, and `this` tells an adapter where to take its
    // connection from.
    adapter.startTransaction = async function startTransaction(isolationLevel) {
      const beginning = beginnings.getStore();
      // What a handler begins is another transaction, whose end Prisma sends inside of the handler too.
      if (beginning?.factory !== factory || beginning.inHandler()) {
        return start.call(this, isolationLevel);
      }
      const asked = { around: this, adapter, start };
      const begun = await beginWith(asked, isolationLevel, beginning.rules, () => beginning.takeFollowers());
      beginning.add(new DriverTransaction(begun, beginning));
      return begun.transaction;
    };
    return adapter;
  };
}

/**
 * Calls `begin`, in which a client over `factory` begins a transaction, with `followers` in the message of its BEGIN if that can
 * be. `driver()`, called inside that transaction, returns the driver's side of it, or `undefined` if more than one could be
 * meant.
 */
export function withDriverTransaction<T>(
  factory: AdapterFactory | undefined,
  options: BeginningOptions,
  begin: (driver: () => DriverTransaction | undefined) => T,
): T {
  const known = (driver?: DriverTransaction) => {
    if (driver === undefined && hidesFailedCommit(factory?.adapterName)) {
      throw unobserved("its driver adapter reports a COMMIT that failed as done");
    }
    return guarded(driver, options.rules);
  };
  if (factory === undefined) {
    return begin(known);
  }
  const beginning = new Beginning(factory, options);
  return beginnings.run(beginning, () => begin(() => known(beginning.driver)));
}

/** @throws StoreError `misconfigured` if the transaction can vanish, and it could not be noticed. */
function guarded(
  driver: DriverTransaction | undefined,
  { vanishing }: TransactionRules,
): DriverTransaction | undefined {
  if (vanishing !== undefined && driver?.guard === undefined) {
    throw unobserved("this database may end a transaction by itself");
  }
  return driver;
}

function unobserved(what: string): StoreError {
  return new StoreError(
    "misconfigured",
    `The client cannot be used: ${what}, which could not be noticed. The client has connected before createIdempotency got ` +
      "it, or an extension begins more than one transaction at a time, or the client has no driver adapter that is supported. " +
      "Call createIdempotency before the first query and before $connect.",
  );
}

/**
 * The driver's side of a transaction. Lets nothing through that would be committed by itself: a statement of an operation that
 * was under way when Prisma ended the transaction, or one after a COMMIT of the handler's own.
 */
export class DriverTransaction {
  readonly #execute: AdapterTransaction["executeRaw"];
  /** A plain property, as every statement reads it. */
  isOver = false;
  /** What the last statement that failed has failed with. */
  failure: unknown;
  /** Set when something of the handler would have ended the transaction, and was not sent. */
  #refused: EndingError | undefined;
  readonly #rules: TransactionRules;
  /** What its connection is guarded by, where a transaction can vanish. */
  readonly guard: GuardedConnection | undefined;
  /** The messages that it shares with statements of ours, if it does. */
  readonly messages: SharedMessages | undefined;

  constructor(
    { transaction, messages, guard }: BegunByAdapter,
    { inHandler, rules }: Pick<BeginningOptions, "inHandler" | "rules">,
  ) {
    this.messages = messages;
    this.guard = guard;
    this.#rules = rules;
    const execute = this.#noting(transaction.executeRaw.bind(transaction));
    const query = this.#noting(transaction.queryRaw.bind(transaction));
    const commit = transaction.commit.bind(transaction);
    const rollback = transaction.rollback.bind(transaction);
    this.#execute = execute;
    const checked =
      <T>(send: (statement: AdapterStatement) => Promise<T>) =>
      (statement: AdapterStatement): Promise<T> => {
        const refusal = this.#refusalOf(statement.sql, inHandler);
        return refusal === undefined ? send(statement) : Promise.reject(refusal);
      };
    transaction.executeRaw = checked(execute);
    transaction.queryRaw = checked(query);
    transaction.commit = () => {
      this.isOver = true;
      return commit();
    };
    transaction.rollback = () => {
      this.isOver = true;
      return rollback();
    };
  }

  #noting<T>(send: (statement: AdapterStatement) => Promise<T>): (statement: AdapterStatement) => Promise<T> {
    return (statement) => {
      const sent = send(statement);
      sent.catch((error: unknown) => {
        this.failure = error;
      });
      return sent;
    };
  }

  /** What the handler has done to its transaction that it must not do. */
  get mistake(): HandlerMistakeError | undefined {
    const lost = this.guard?.lost;
    return this.#refused ?? (lost instanceof HandlerMistakeError ? lost : undefined);
  }

  /** Sends nothing more but the end. What is left of an operation under way fails at once. */
  close(): void {
    this.isOver = true;
  }

  /** Notes the end before it is sent: afterwards the connection has no transaction, and may soon serve another. */
  #refusalOf(sql: string, inHandler: () => boolean): Error | undefined {
    const isEnding = this.#rules.endsTransaction(sql);
    if (isEnding && isByPrisma(sql) && !inHandler()) {
      this.isOver = true;
      return undefined;
    }
    if (this.isOver) {
      return new EndedTransactionError();
    }
    if (isEnding) {
      this.#refused ??= new EndingError();
    }
    return isEnding ? this.#refused : undefined;
  }

  /** `tx`, with its writes sent straight to the driver while the transaction is open. Prisma refuses later ones. */
  under(tx: RawClient): DriverClient {
    return new DriverClient(this, tx);
  }

  execute(sql: string, args: readonly unknown[]): Promise<number> {
    return this.#execute({ sql, args, argTypes: argTypesOf(args.length) });
  }
}

/** The client of a transaction, with writes sent to the driver. */
export class DriverClient implements RawClient {
  readonly #driver: DriverTransaction;
  readonly #tx: RawClient;

  constructor(driver: DriverTransaction, tx: RawClient) {
    this.#driver = driver;
    this.#tx = tx;
  }

  get isOver(): boolean {
    return this.#driver.isOver;
  }

  /** @throws why nothing of the transaction may be committed, where the database may have ended it. */
  async confirm(): Promise<void> {
    await this.#driver.guard?.confirm();
  }

  $queryRawUnsafe<T>(text: string, ...values: unknown[]): PromiseLike<T> {
    return this.#tx.$queryRawUnsafe(text, ...values);
  }

  $executeRawUnsafe(text: string, ...values: unknown[]): PromiseLike<number> {
    return this.#driver.isOver
      ? this.#tx.$executeRawUnsafe(text, ...values)
      : this.#driver.execute(text, values);
  }
}

/** With some adapters Prisma ends a transaction by such a statement, with others by a method. */
function isByPrisma(sql: string): boolean {
  return sql === "COMMIT" || sql === "ROLLBACK";
}

/** The values of a `Write` are numbers, texts and NULL, whose types no adapter needs to know. */
const ANY_SCALAR = { scalarType: "unknown", arity: "scalar" };

// One list for each length: they are the same for every run.
const argTypes: (readonly (typeof ANY_SCALAR)[])[] = [];

function argTypesOf(length: number): readonly (typeof ANY_SCALAR)[] {
  argTypes[length] ??= Array.from({ length }, () => ANY_SCALAR);
  return argTypes[length];
}
