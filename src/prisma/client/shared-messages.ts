import { warnOnce } from "../../core/contract/warn-once.ts";
import type { Quote } from "../../sql/literal.ts";
import { sharesMessagesByName } from "./adapters.ts";
import { type DatabaseError, isOfDatabase, isResults, REFUSALS, type TextResult } from "./driver-answers.ts";
import { EndedTransactionError } from "./transaction-errors.ts";

/**
 * Sends statements of ours in the message of a transaction's BEGIN, and in that of its COMMIT, so that they cost no round trip.
 *
 * It takes what `@prisma/adapter-pg` and `@prisma/adapter-neon` do: `startTransaction` takes a connection from the pool in the
 * property `client`, which `underlyingDriver()` returns too, and sends BEGIN as a text without parameters; the end comes as
 * the statement COMMIT. A text without parameters may have several statements. An adapter that does anything else is found
 * out at its first transaction, and its statements are sent one by one from then on.
 */

/** A pool of the driver. */
interface Pool {
  connect(): Promise<Connection>;
}

/** What an adapter uses of a connection in a transaction, and `escapeLiteral`, which only reads its argument. */
interface Connection {
  query(query: unknown, ...more: unknown[]): Promise<unknown>;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  removeListener(event: string, listener: (...args: unknown[]) => void): unknown;
  release(error?: unknown): void;
  escapeLiteral(text: string): string;
}

/** Part of an adapter. */
export interface SharingAdapter<TTransaction> {
  startTransaction(this: unknown, isolationLevel?: string): Promise<TTransaction>;
  readonly adapterName?: unknown;
  underlyingDriver(): Pool;
}

/** What is to follow BEGIN in its message; `undefined` if a value of it cannot be written as a literal. */
export type Followers = (quote: Quote) => readonly string[] | undefined;

/** Adapters that have done something else. */
const unfit = new WeakSet<object>();

export function sharesMessages(adapter: SharingAdapter<unknown>): boolean {
  return (
    sharesMessagesByName(adapter.adapterName) &&
    typeof adapter.underlyingDriver === "function" &&
    !unfit.has(adapter)
  );
}

/** Has the adapter begin a transaction, with `followers` in the message of its BEGIN. */
export async function beginSharing<TTransaction>(
  adapter: SharingAdapter<TTransaction>,
  start: SharingAdapter<TTransaction>["startTransaction"],
  isolationLevel: string | undefined,
  followers: Followers,
): Promise<{ readonly transaction: TTransaction; readonly messages: SharedMessages | undefined }> {
  let messages: SharedMessages | undefined;
  const pool = adapter.underlyingDriver();
  const connect = async () => {
    messages = new SharedMessages(await pool.connect(), followers, isolationLevel !== undefined);
    return messages;
  };
  const view = Object.create(adapter, { client: { value: { connect }, writable: true } }) as typeof adapter;
  let transaction: TTransaction | undefined;
  try {
    transaction = await start.call(view, isolationLevel);
  } catch (error) {
    // Without a connection, or one that has broken, the adapter did what it could.
    if (messages?.isBegun !== false) {
      throw error;
    }
    messages.release();
  }
  if (transaction === undefined || messages?.isAsKnown !== true) {
    unfit.add(adapter);
    warnOnce(
      "ONCEONLY_ADAPTER",
      String(adapter.adapterName),
      `onceonly: ${String(adapter.adapterName)}, or what stands around it, begins transactions or takes several statements in one ` +
        "message otherwise than this version of onceonly knows. They are sent one by one from now on, which costs a keyed " +
        "mutation two or three round trips more.",
    );
  }
  return transaction === undefined
    ? { transaction: await start.call(adapter, isolationLevel), messages: undefined }
    : { transaction, messages };
}

/** The arguments of `query`: adapters give the values in the first, or after it. */
type Query = [query: string | { readonly text?: unknown; readonly types?: object }, ...more: unknown[]];

const textOf = ([query]: Query): unknown => (typeof query === "string" ? query : query.text);

const SET_ISOLATION = /^SET TRANSACTION ISOLATION LEVEL [A-Z ]+$/;
const NOTHING = { rowCount: 0, rows: [], fields: [] };

/** The values of results as the database writes them: how they are parsed otherwise, the application may have changed. */
const AS_TEXT = { getTypeParser: () => (text: string) => text };

/** Stands for a connection of the driver during one transaction. */
export class SharedMessages {
  readonly #connection: Connection;
  readonly #followers: Followers;
  /** BEGIN, and the isolation level if there is one, until they are sent. */
  readonly #beginning: string[] = [];
  readonly #hasIsolation: boolean;
  /** Whether anything was sent over the connection. */
  isBegun = false;
  #isReleased = false;
  /** Whether the adapter has asked for the end: nothing of ours may follow it, as it would be in no transaction, or begin one. */
  #isEnding = false;
  /** Messages that are not answered yet. */
  #underWay = 0;
  #end: string | undefined;
  /** Whether a message of ours has committed the transaction already. */
  #isEnded = false;
  /** False once the adapter or the driver has done anything unknown. */
  isAsKnown = true;
  #sentAt: number | undefined;
  /** What came of the followers; `undefined` if they were not sent, or failed. */
  results: readonly TextResult[] | undefined;
  /** The database's error for the followers. The transaction takes nothing more. */
  beginError: DatabaseError | undefined;
  /** The database's error for the message of COMMIT. Nothing is committed. */
  endError: DatabaseError | undefined;

  constructor(connection: Connection, followers: Followers, hasIsolation: boolean) {
    this.#connection = connection;
    this.#followers = followers;
    this.#hasIsolation = hasIsolation;
  }

  readonly quote: Quote = (text) => this.#connection.escapeLiteral(text);

  /** How long ago BEGIN was sent with followers, in milliseconds; 0 if it was sent without. */
  msSinceBegin(): number {
    return this.#sentAt === undefined ? 0 : performance.now() - this.#sentAt;
  }

  /** Commits a transaction in which nothing was written, with a look at what was in the way, and returns the rows of that. */
  async endReading(statement: string): Promise<TextResult["rows"]> {
    this.#throwIfEnding();
    const results = await this.#send({ text: `${statement};\nCOMMIT`, types: AS_TEXT });
    if (!isResults(results, 2)) {
      throw new Error("onceonly: the driver has answered a COMMIT in an unknown way");
    }
    this.#isEnded = true;
    return results[0]?.rows ?? [];
  }

  /** After {@link endReading}, when there is something to do. */
  async beginAgain(): Promise<void> {
    this.#throwIfEnding();
    // Before it is answered: an end that comes meanwhile must reach the database.
    this.#isEnded = false;
    await this.#send(this.#beginning.join(";\n"));
  }

  /** The time of the transaction may be over before our next message. */
  #throwIfEnding(): void {
    if (this.#isEnding) {
      throw new EndedTransactionError();
    }
  }

  async #send(...query: Query): Promise<unknown> {
    this.#underWay += 1;
    try {
      return await this.#connection.query(...query);
    } finally {
      this.#underWay -= 1;
    }
  }

  /** Puts a statement before COMMIT in its message. If it fails, the transaction is rolled back. */
  endWith(statement: string): void {
    this.#end = statement;
  }

  async query(...query: Query): Promise<unknown> {
    if (!this.isBegun) {
      return this.#begin(query);
    }
    const isEnd = /^(?:COMMIT|ROLLBACK)$/.test(String(textOf(query)));
    this.#isEnding ||= isEnd;
    if (this.#isEnded && !isEnd) {
      // It would be committed by itself.
      throw new EndedTransactionError();
    }
    if (this.#isEnded) {
      return NOTHING;
    }
    return textOf(query) === "COMMIT" && this.#end !== undefined
      ? this.#commit(this.#end)
      : this.#send(...query);
  }

  on(event: string, listener: (...args: unknown[]) => void): this {
    this.#connection.on(event, listener);
    return this;
  }

  removeListener(event: string, listener: (...args: unknown[]) => void): this {
    this.#connection.removeListener(event, listener);
    return this;
  }

  /** With a message under way it must serve nobody else: what that may begin or end is not theirs. */
  release(error?: unknown): void {
    if (!this.#isReleased) {
      this.#isReleased = true;
      this.#isEnding = true;
      this.#connection.release(error ?? (this.#underWay > 0 ? new EndedTransactionError() : undefined));
    }
  }

  async #begin(query: Query): Promise<unknown> {
    const text = textOf(query);
    const isIsolation = this.#beginning.length === 1 && SET_ISOLATION.test(String(text));
    if (text !== "BEGIN" && !isIsolation) {
      this.isAsKnown = false;
      await this.#sendBeginning();
      return this.#send(...query);
    }
    this.#beginning.push(String(text));
    return this.#hasIsolation && !isIsolation ? NOTHING : this.#sendWithFollowers();
  }

  async #sendWithFollowers(): Promise<unknown> {
    const followers = this.#followers(this.quote);
    if (followers === undefined) {
      return this.#sendBeginning();
    }
    this.isBegun = true;
    this.#sentAt = performance.now();
    const statements = [...this.#beginning, ...followers];
    let results: unknown;
    let isSent = false;
    setImmediate(() => {
      isSent = true;
    });
    try {
      results = await this.#send({ text: statements.join(";\n"), types: AS_TEXT });
    } catch (error) {
      if (isOfDatabase(error) && !REFUSALS.has(error.code)) {
        // Not BEGIN's failure: for that the adapter would give up the connection.
        this.beginError = error;
        return NOTHING;
      }
      // A driver refuses at once. Later errors, such as that of its `query_timeout`, are of the network.
      if (isSent && !isOfDatabase(error)) {
        throw error;
      }
      return this.#sendOneByOne(error);
    }
    if (!isResults(results, statements.length)) {
      return this.#sendOneByOne();
    }
    this.results = results.slice(this.#beginning.length);
    return NOTHING;
  }

  /** After an answer that no message of several statements should get; `error` is thrown if the connection is broken. */
  async #sendOneByOne(error?: unknown): Promise<unknown> {
    try {
      await this.#send("ROLLBACK");
    } catch (broken) {
      throw error ?? broken;
    }
    this.isAsKnown = false;
    return this.#sendBeginning();
  }

  async #sendBeginning(): Promise<unknown> {
    this.isBegun = true;
    for (const text of this.#beginning) {
      await this.#send(text);
    }
    return NOTHING;
  }

  async #commit(end: string): Promise<unknown> {
    let results: unknown;
    try {
      results = await this.#send(`${end};\nCOMMIT`);
    } catch (error) {
      if (isOfDatabase(error)) {
        this.endError = error;
        // COMMIT was not executed, or has ended the transaction itself. The adapter expects the latter.
        await this.#send("ROLLBACK").catch(() => {});
      }
      throw error;
    }
    if (!isResults(results, 2)) {
      throw new Error("onceonly: the driver has answered a COMMIT in an unknown way");
    }
    return NOTHING;
  }
}
