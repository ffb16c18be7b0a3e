import { AsyncLocalStorage } from "node:async_hooks";
import { endsTransaction } from "../../sql/ending.ts";
import type { RawClient } from "./client.ts";
import {
  beginSharing,
  type Followers,
  type SharedMessages,
  type SharingAdapter,
  sharesMessages,
} from "./shared-messages.ts";
import { EndedTransactionError, EndingError } from "./transaction-errors.ts";

/**
 * Sends our own writes straight to the driver adapter, past Prisma's client, in the transaction that Prisma has begun with
 * it. On a one-line statement the client spends more time than the driver and the database together.
 *
 * The interfaces are those of `@prisma/driver-adapter-utils`, the public interface between Prisma and its drivers.
 */

/** Opens the connections of a client; what the application passed to `PrismaClient` as `adapter`. */
export interface AdapterFactory {
  connect(): Promise<Adapter>;
}

type Adapter = SharingAdapter<AdapterTransaction>;

interface AdapterTransaction {
  executeRaw(statement: AdapterStatement): Promise<number>;
  queryRaw(statement: AdapterStatement): Promise<unknown>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

interface AdapterStatement {
  readonly sql: string;
  readonly args: readonly unknown[];
  readonly argTypes: readonly { readonly scalarType: string; readonly arity: string }[];
}

/** What we learn about a transaction while Prisma begins it. */
class Beginning {
  readonly factory: AdapterFactory;
  /** Whether the caller is code of a handler. Prisma begins and ends transactions outside of them. */
  readonly inHandler: () => boolean;
  #followers: Followers | undefined;
  #begun: DriverTransaction | undefined;
  #isAmbiguous = false;

  constructor(factory: AdapterFactory, inHandler: () => boolean, followers: Followers | undefined) {
    this.factory = factory;
    this.inHandler = inHandler;
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
      const followers = sharesMessages(adapter) ? beginning.takeFollowers() : undefined;
      const { transaction, messages } =
        followers === undefined
          ? { transaction: await start.call(this, isolationLevel), messages: undefined }
          : await beginSharing(adapter, start, isolationLevel, followers);
      beginning.add(new DriverTransaction(transaction, beginning.inHandler, messages));
      return transaction;
    };
    return adapter;
  };
}

/**
 * Calls `begin`, in which a client over `factory` begins a transaction, with `followers` in the message of its BEGIN if that can
 * be. `driver()`, called inside that transaction, returns the driver's side of it, or `undefined` if more than one could be
 * meant. `inHandler()` tells whether its caller is code of a handler.
 */
export function withDriverTransaction<T>(
  factory: AdapterFactory | undefined,
  { inHandler, followers }: { readonly inHandler: () => boolean; readonly followers: Followers | undefined },
  begin: (driver: () => DriverTransaction | undefined) => T,
): T {
  if (factory === undefined) {
    return begin(() => undefined);
  }
  const beginning = new Beginning(factory, inHandler, followers);
  return beginnings.run(beginning, () => begin(() => beginning.driver));
}

/**
 * The driver's side of a transaction. Lets nothing through that would be committed by itself: a statement of an operation that
 * was under way when Prisma ended the transaction, or one after a COMMIT of the handler's own.
 */
export class DriverTransaction {
  readonly #execute: AdapterTransaction["executeRaw"];
  /** A plain property, as every statement reads it. */
  isOver = false;
  /** Set when something of the handler would have ended the transaction, and was not sent. */
  refused: EndingError | undefined;
  /** The messages that it shares with statements of ours, if it does. */
  readonly messages: SharedMessages | undefined;

  constructor(
    transaction: AdapterTransaction,
    inHandler: () => boolean,
    messages: SharedMessages | undefined,
  ) {
    this.messages = messages;
    const execute = transaction.executeRaw.bind(transaction);
    const query = transaction.queryRaw.bind(transaction);
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

  /** Sends nothing more but the end. What is left of an operation under way fails at once. */
  close(): void {
    this.isOver = true;
  }

  /** Notes the end before it is sent: afterwards the connection has no transaction, and may soon serve another. */
  #refusalOf(sql: string, inHandler: () => boolean): Error | undefined {
    const isEnding = endsTransaction(sql);
    if (isEnding && isByPrisma(sql) && !inHandler()) {
      this.isOver = true;
      return undefined;
    }
    if (this.isOver) {
      return new EndedTransactionError();
    }
    if (isEnding) {
      this.refused ??= new EndingError();
    }
    return isEnding ? this.refused : undefined;
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
