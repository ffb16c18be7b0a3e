/**
 * Does what Prisma's client and its adapter for `pg` do between `$transaction` and a pool, as far as a transaction's protocol goes: BEGIN, its
 * time limit, COMMIT or ROLLBACK as statements, and errors in their shapes.
 */
import type { Connection, Pool, Result } from "../database/network.ts";

/** What a statement of the adapter's is. */
interface AdapterStatement {
  readonly sql: string;
  readonly args: readonly unknown[];
}

class DriverAdapterError extends Error {
  override readonly name = "DriverAdapterError";
}

/** As the adapter converts what the driver throws. */
function converted(error: unknown): unknown {
  const { code = "", message } = error as { readonly code?: string; readonly message: string };
  if (/^[0-9A-Z]{5}$/.test(code)) {
    const kind = code === "40001" ? "TransactionWriteConflict" : "postgres";
    return new DriverAdapterError(message, { cause: { kind, originalCode: code, originalMessage: message } });
  }
  if (code === "ECONNREFUSED")
    return new DriverAdapterError(message, { cause: { kind: "DatabaseNotReachable" } });
  if (code === "ECONNRESET") return new DriverAdapterError(message, { cause: { kind: "ConnectionClosed" } });
  return error;
}

/** As the client reports the failure of a raw query. */
function reported(error: unknown): unknown {
  return error instanceof DriverAdapterError
    ? Object.assign(new Error(`Raw query failed: ${error.message}`), {
        name: "PrismaClientKnownRequestError",
        code: "P2010",
        meta: { driverAdapterError: error },
      })
    : error;
}

class Queryable {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async #send({ sql, args }: AdapterStatement): Promise<Result> {
    try {
      return (await this.#connection.query({ text: sql, values: args })) as Result;
    } catch (error) {
      throw converted(error);
    }
  }

  async executeRaw(statement: AdapterStatement): Promise<number> {
    return (await this.#send(statement)).rowCount ?? 0;
  }

  async queryRaw(statement: AdapterStatement): Promise<readonly object[]> {
    return (await this.#send(statement)).rows;
  }

  async commit(): Promise<void> {
    this.#connection.release();
  }

  async rollback(): Promise<void> {
    this.#connection.release();
  }
}

/** What the adapter's factory connects. */
class Adapter {
  readonly client: Pool;
  readonly adapterName: string;

  constructor(client: Pool, adapterName: string) {
    this.client = client;
    this.adapterName = adapterName;
  }

  underlyingDriver(): Pool {
    return this.client;
  }

  async startTransaction(isolationLevel?: string): Promise<Queryable> {
    const connection = await this.client.connect().catch((error: unknown) => {
      throw converted(error);
    });
    try {
      const transaction = new Queryable(connection);
      await transaction.executeRaw({ sql: "BEGIN", args: [] });
      if (isolationLevel !== undefined) throw new Error("isolation levels are not simulated");
      return transaction;
    } catch (error) {
      connection.release(error);
      throw converted(error);
    }
  }

  async send(statement: AdapterStatement): Promise<Result> {
    const connection = await this.client.connect().catch((error: unknown) => {
      throw converted(error);
    });
    try {
      const result = (await connection.query({ text: statement.sql, values: statement.args })) as Result;
      connection.release();
      return result;
    } catch (error) {
      connection.release(error);
      throw converted(error);
    }
  }
}

const TRANSACTION = Symbol("transaction");

/** A client as far as the store, and handlers here, use it. */
export class SimulatedPrisma {
  readonly _extensions = { isEmpty: () => true };
  readonly _activeProvider = "postgresql";
  readonly _engineConfig: {
    readonly adapter: { connect(): Promise<Adapter>; readonly adapterName: string };
    readonly transactionOptions: { readonly timeout: number; readonly maxWait: number };
  };
  #adapter: Promise<Adapter> | undefined;
  declare readonly [TRANSACTION]?: Queryable;

  constructor(pool: Pool, adapterName: string, transactionOptions: { timeout: number; maxWait: number }) {
    const adapter = { adapterName, connect: async () => new Adapter(pool, adapterName) };
    this._engineConfig = { adapter, transactionOptions };
  }

  async $connect(): Promise<void> {}

  #connected(): Promise<Adapter> {
    this.#adapter ??= this._engineConfig.adapter.connect();
    return this.#adapter;
  }

  $queryRawUnsafe<T>(sql: string, ...args: unknown[]): PromiseLike<T> {
    return lazily(async () => {
      const transaction = this[TRANSACTION];
      const statement = { sql, args };
      return transaction === undefined
        ? (await rootOf(this).send(statement)).rows
        : transaction.queryRaw(statement);
    }) as PromiseLike<T>;
  }

  $executeRawUnsafe(sql: string, ...args: unknown[]): PromiseLike<number> {
    return lazily(async () => {
      const transaction = this[TRANSACTION];
      const statement = { sql, args };
      return transaction === undefined
        ? ((await rootOf(this).send(statement)).rowCount ?? 0)
        : transaction.executeRaw(statement);
    });
  }

  async send(statement: AdapterStatement): Promise<Result> {
    return (await this.#connected()).send(statement);
  }

  async $transaction<T>(
    work: (tx: SimulatedPrisma) => Promise<T>,
    { maxWait }: { readonly maxWait: number },
  ): Promise<T> {
    const transaction = await this.#begun(maxWait);
    const tx = Object.create(this, { [TRANSACTION]: { value: transaction } }) as SimulatedPrisma;
    roots.set(tx, this);
    let result: T;
    try {
      result = await work(tx);
    } catch (error) {
      await ended(transaction, "ROLLBACK").catch(() => {});
      throw error;
    }
    await ended(transaction, "COMMIT");
    return result;
  }

  async #begun(maxWait: number): Promise<Queryable> {
    const starting = this.#connected().then((adapter) => adapter.startTransaction());
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, maxWait, undefined);
    });
    try {
      const begun = await Promise.race([starting, late]);
      if (begun !== undefined) return begun;
    } finally {
      clearTimeout(timer);
    }
    // Nobody wants it any more.
    starting.then((transaction) => ended(transaction, "ROLLBACK")).catch(() => {});
    throw Object.assign(
      new Error("Transaction API error: Unable to start a transaction in the given time."),
      {
        name: "PrismaClientKnownRequestError",
        code: "P2028",
      },
    );
  }
}

const roots = new WeakMap<SimulatedPrisma, SimulatedPrisma>();
const rootOf = (client: SimulatedPrisma): SimulatedPrisma => roots.get(client) ?? client;

async function ended(transaction: Queryable, sql: "COMMIT" | "ROLLBACK"): Promise<void> {
  try {
    await transaction.executeRaw({ sql, args: [] });
  } catch (error) {
    await transaction.rollback();
    throw error;
  }
  await (sql === "COMMIT" ? transaction.commit() : transaction.rollback());
}

/** Prisma's promises send their statement when they are first awaited. */
function lazily<T>(send: () => Promise<T>): PromiseLike<T> {
  let sent: Promise<T> | undefined;
  const begun = () => {
    sent ??= send().catch((error: unknown) => {
      throw reported(error);
    });
    return sent;
  };
  return {
    // biome-ignore lint: a promise of Prisma's is no Promise.
    then: (...args: Parameters<Promise<T>["then"]>) => begun().then(...args),
    catch: (...args: Parameters<Promise<T>["catch"]>) => begun().catch(...args),
    finally: (...args: Parameters<Promise<T>["finally"]>) => begun().finally(...args),
    [Symbol.toStringTag]: "PrismaPromise",
  } as unknown as PromiseLike<T>;
}
