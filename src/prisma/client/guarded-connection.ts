import type { VanishingTransactions } from "../../sql/dialect/capabilities.ts";
import { StoreError } from "../../sql/dialect/store-error.ts";
import { savepointName, settingOf } from "./savepoint.ts";
import { VanishedTransactionError } from "./transaction-errors.ts";

/**
 * On some databases a transaction can be over while its client thinks it open: a deadlock rolls it back, a procedure or DDL
 * commits it, another node of a cluster aborts it without a word. Each later statement would then commit by itself. So:
 *
 * - the session's `autocommit` is off until the transaction ends: a statement that comes after it has vanished begins another
 *   transaction, which is rolled back;
 * - that it has vanished shows in the error, in the status that the server adds to each answer, or, at the latest, as a
 *   savepoint is gone that was set in the beginning. Then nothing more is sent, and nothing is committed.
 *
 * Setting and restoring cost no round trip, as the driver sends several statements without waiting for their answers.
 *
 * It takes what `@prisma/adapter-mariadb` does: a transaction keeps its connection in the property `client`, sends COMMIT and
 * ROLLBACK as texts of their own through it, and then releases it.
 */

/** What an adapter uses of a connection in a transaction, and what the driver tells of it. */
interface Connection {
  query(query: unknown, values?: unknown): Promise<unknown>;
  execute(query: unknown, values?: unknown): Promise<unknown>;
  release(): Promise<void>;
  destroy(): void;
  /** Its `status` is that of the last answer. */
  readonly info: { readonly status: number };
}

function isConnection(client: Partial<Connection> | undefined): client is Connection {
  return (
    typeof client?.info?.status === "number" &&
    [client.query, client.execute, client.release, client.destroy].every(
      (method) => typeof method === "function",
    )
  );
}

/** Bits of the status: https://mariadb.com/kb/en/ok_packet/#server-status-flag */
const IN_TRANSACTION = 1;
const AUTOCOMMIT = 2;

/**
 * Guards the connection of a transaction that an adapter has begun.
 *
 * @throws StoreError `misconfigured` if it has none that is known. Then the transaction is rolled back.
 */
export async function guardTransaction(
  transaction: { rollback(): Promise<void> },
  vanishing: VanishingTransactions,
): Promise<GuardedConnection> {
  const { client } = transaction as { readonly client?: Partial<Connection> };
  if (!isConnection(client)) {
    await transaction.rollback();
    throw new StoreError(
      "misconfigured",
      "The driver adapter has no connection in its transactions as this version of onceonly knows it, so it could not be noticed " +
        "when the database ends one by itself. Use @prisma/adapter-mariadb 7.10, with nothing around its transactions.",
    );
  }
  const guard = new GuardedConnection(client, vanishing);
  Object.assign(transaction, { client: guard });
  return guard;
}

type Method = "query" | "execute";

/** Stands for a connection of the driver during one transaction. */
export class GuardedConnection {
  readonly #connection: Connection;
  readonly #vanishing: VanishingTransactions;
  /** Nothing if the session's `autocommit` was off before. */
  readonly #restoring: readonly string[];
  /** What was sent in the beginning. Nobody waits for it before the end: all that follows is answered after it. */
  readonly #begun: Promise<void>;
  #isEnded = false;
  #confirmed: Promise<void> | undefined;
  #lost: Error | undefined;

  constructor(connection: Connection, vanishing: VanishingTransactions) {
    this.#connection = connection;
    this.#vanishing = vanishing;
    this.#restoring = (connection.info.status & AUTOCOMMIT) === 0 ? [] : ["SET autocommit=1"];
    this.#begun = this.#inOneGo(["SET autocommit=0", settingOf(WITNESS())]);
    this.#begun.catch(() => {});
  }

  /** Why nothing of the transaction may be committed. */
  get lost(): Error | undefined {
    return this.#lost;
  }

  query(query: unknown, values?: unknown): Promise<unknown> {
    return this.#send("query", query, values);
  }

  execute(query: unknown, values?: unknown): Promise<unknown> {
    return this.#send("execute", query, values);
  }

  /** A connection whose transaction has not ended, or whose `autocommit` is not what it was, must serve nobody else. */
  async release(): Promise<void> {
    if (!this.#isEnded) {
      this.#connection.destroy();
    }
    await this.#connection.release();
  }

  /**
   * Makes sure that the transaction is still the one that was begun. Nothing but the outcome may follow it.
   *
   * @throws why it is not.
   */
  confirm(): Promise<void> {
    this.#confirmed ??= this.#confirm();
    return this.#confirmed;
  }

  async #confirm(): Promise<void> {
    this.#throwIfLost();
    const released = this.#connection.query(`RELEASE SAVEPOINT ${WITNESS()}`);
    try {
      await Promise.all([this.#begun, released]);
    } catch (error) {
      // Unless the connection is gone: nobody has said so, so it was no statement of the handler's.
      this.#lost =
        codeOf(error) === NO_SAVEPOINT ? new StoreError("write_conflict", UNSAID, error) : undefined;
      throw this.#lost ?? error;
    }
  }

  #throwIfLost(): void {
    if (this.#lost !== undefined) {
      throw this.#lost;
    }
  }

  #send(method: Method, query: unknown, values: unknown): Promise<unknown> {
    const text = textOf(query);
    switch (text) {
      case "COMMIT":
        return this.#commit();
      case "ROLLBACK":
        return this.#rollBack();
      default:
        return this.#watch(text, method, query, values);
    }
  }

  async #watch(text: string, method: Method, query: unknown, values: unknown): Promise<unknown> {
    this.#throwIfLost();
    let result: unknown;
    try {
      result = await this.#connection[method](query, values);
    } catch (error) {
      if (this.#vanishing.isRolledBackBy(codeOf(error))) {
        this.#lost ??= new StoreError("transaction_aborted", ROLLED_BACK, error);
      }
      throw error;
    }
    if ((this.#connection.info.status & IN_TRANSACTION) === 0) {
      this.#lost ??= new VanishedTransactionError(text);
      throw this.#lost;
    }
    return result;
  }

  async #commit(): Promise<void> {
    try {
      await this.confirm();
    } catch (error) {
      await this.#rollBack();
      throw error;
    }
    await this.#inOneGo(["COMMIT", ...this.#restoring]);
    this.#isEnded = true;
  }

  /** Sent one by one: to switch `autocommit` on in an open transaction commits it. */
  async #rollBack(): Promise<void> {
    try {
      await this.#inOneGo(["ROLLBACK"]);
      await this.#inOneGo(this.#restoring);
      this.#isEnded = true;
    } catch {
      // The connection will be closed, which rolls back too.
    }
  }

  /** Without waiting for answers in between. @throws the first error, when all are answered. */
  async #inOneGo(texts: readonly string[]): Promise<void> {
    const ends = await Promise.allSettled(texts.map(async (text) => this.#connection.query(text)));
    const failed = ends.find((end) => end.status === "rejected");
    if (failed !== undefined) {
      throw failed.reason;
    }
  }
}

const NO_SAVEPOINT = 1305;

const ROLLED_BACK =
  "The database has rolled the transaction back, as the error of an earlier statement said that was caught. Nothing more is sent " +
  "in it, and nothing of it is committed.";
const UNSAID =
  "The database has ended the transaction without an error that would have said so: another node of a cluster has changed the same " +
  "rows, or a lock was waited for too long (innodb_rollback_on_timeout). Nothing of it is committed.";

/** Unlike that of any savepoint of a handler or a nested transaction. */
const WITNESS = (): string => `${savepointName(0)}_begun`;

const textOf = (query: unknown): string =>
  typeof query === "string" ? query : String((query as { readonly sql?: unknown }).sql);

function codeOf(error: unknown): number {
  return Number((error as { readonly errno?: unknown } | undefined)?.errno);
}
