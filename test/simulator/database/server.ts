/** The server: sessions that execute messages one after another, and what is committed. */

import { EPOCH, type SimulatedProcess } from "../world/process.ts";
import type { Choices } from "../world/random.ts";
import type { World } from "../world/world.ts";
import { Locks } from "./locks.ts";
import type { Cut, Result } from "./network.ts";
import { type Context, operations } from "./operations.ts";
import { DatabaseError, Tables } from "./tables.ts";
import { Transaction } from "./transaction.ts";

type Reply = (error: Error | undefined, results: Result | Result[]) => void;

export interface Message {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly asText: boolean;
  /** The code of the error that it is answered with, in place of being executed. */
  readonly fails: string | undefined;
  readonly reply: Reply;
}

export class Server {
  readonly world: World;
  readonly choices: Choices;
  readonly tables = new Tables();
  readonly locks: Locks;
  readonly isCluster: boolean;
  readonly #sessions = new Set<Session>();
  isUp = true;
  /** How far its clock is ahead, in milliseconds. */
  aheadMs: number;
  /** How long the nodes of a cluster may take to agree, in milliseconds. */
  lagMs = 3;
  /** No transaction may write before. */
  readOnlyUntil = 0;
  /** The latest that its clock has shown. */
  latest = 0;
  /** Called before a transaction's writes are committed. */
  onCommit: (transaction: Transaction, by: SimulatedProcess) => void = () => {};
  #transactions = 0;

  constructor(world: World, choices: Choices, isCluster: boolean) {
    this.world = world;
    this.choices = choices;
    this.isCluster = isCluster;
    this.locks = new Locks(world);
    this.aheadMs = choices.between(-5_000, 5_000);
  }

  /** Its clock. */
  now(): number {
    const now = EPOCH + this.world.now + this.aheadMs;
    this.latest = Math.max(this.latest, now);
    return now;
  }

  /** How long that takes this time. */
  replicationMs(): number {
    return this.choices.logarithmic(0.2, this.lagMs);
  }

  session(name: string, process: SimulatedProcess): Session {
    const session = new Session(name, this, process);
    this.#sessions.add(session);
    return session;
  }

  forget(session: Session): void {
    this.#sessions.delete(session);
  }

  nameTransaction(by: string): string {
    return `transaction ${(this.#transactions += 1)} of ${by}`;
  }

  /** What was committed stays. */
  crash(downMs: number): void {
    this.isUp = false;
    this.world.tell("database", () => `crashes, for ${Math.round(downMs)} ms`);
    for (const session of Array.from(this.#sessions)) session.lose();
    this.world.after(downMs, () => {
      this.isUp = true;
      this.world.tell("database", () => "is back");
    });
  }

  get openTransactions(): string[] {
    return [...this.#sessions].flatMap((session) => session.transaction?.name ?? []);
  }
}

/** The server's side of a connection. */
export class Session {
  readonly name: string;
  readonly #server: Server;
  readonly #process: SimulatedProcess;
  readonly #queue: (Message | "end")[] = [];
  #isBusy = false;
  #isOver = false;
  transaction: Transaction | undefined;
  /** Called when the server has crashed. */
  onLost: (cut: Cut) => void = () => {};

  constructor(name: string, server: Server, process: SimulatedProcess) {
    this.name = name;
    this.#server = server;
    this.#process = process;
  }

  receive(message: Message): void {
    if (this.#isOver) return;
    this.#queue.push(message);
    this.#next();
  }

  /** The connection has ended. A statement under way is executed to its end. */
  end(): void {
    if (this.#isOver) return;
    this.#queue.push("end");
    this.#next();
  }

  lose(): void {
    this.#isOver = true;
    this.#queue.length = 0;
    const { transaction } = this;
    this.transaction = undefined;
    this.#server.forget(this);
    if (transaction !== undefined) {
      this.#server.locks.releaseAll(transaction);
      transaction.cancel?.();
    }
    const noticedMs = this.#server.choices.logarithmic(0.5, 50);
    this.onLost({ clientAfterMs: noticedMs, serverAfterMs: 0, arriving: 0, lateMs: 0, words: "known" });
  }

  #next(): void {
    if (this.#isBusy) return;
    const message = this.#queue.shift();
    if (message === undefined) return;
    if (message === "end") {
      this.#isOver = true;
      if (this.transaction !== undefined) this.#rollBack("as its connection has ended");
      this.#server.forget(this);
      return;
    }
    this.#isBusy = true;
    if (message.fails !== undefined) return this.#fail(message, message.fails);
    this.#execute(message, message.text.split(";\n"), []);
  }

  #fail(message: Message, code: string): void {
    const { transaction } = this;
    if (message.text.endsWith("COMMIT")) this.#rollBack("as its COMMIT has failed");
    else if (transaction !== undefined) transaction.isAborted = true;
    this.#reply(message, new DatabaseError(code, `the statement has failed (${code})`), []);
  }

  #execute(message: Message, left: readonly string[], results: readonly Result[]): void {
    const [text, ...rest] = left;
    if (text === undefined) return this.#reply(message, undefined, results);
    this.#statement(text, message.values, (error, result) => {
      if (this.#isOver) return;
      if (error !== undefined) return this.#reply(message, error, results);
      this.#execute(message, rest, [...results, result as Result]);
    });
  }

  #reply(message: Message, error: Error | undefined, results: readonly Result[]): void {
    this.#isBusy = false;
    this.#server.world.tell("database", () =>
      error === undefined
        ? `answers ${this.name}: ${describe(results)}`
        : `answers ${this.name} with an error: ${error.message}`,
    );
    const shown = message.asText ? results.map(asTexts) : [...results];
    message.reply(error, message.text.includes(";\n") ? shown : (shown[0] as Result));
    this.#next();
  }

  #statement(text: string, values: readonly unknown[], done: (error?: Error, result?: Result) => void): void {
    const server = this.#server;
    const { transaction } = this;
    switch (text) {
      case "BEGIN":
        this.transaction ??= new Transaction(server.nameTransaction(this.name), server.tables);
        return done(undefined, NOTHING);
      case "COMMIT":
        return done(this.#commit(), NOTHING);
      case "ROLLBACK":
        if (transaction !== undefined) this.#rollBack("as it was asked to");
        return done(undefined, NOTHING);
    }
    const [, verb, name] = /^(SAVEPOINT|ROLLBACK TO SAVEPOINT|RELEASE SAVEPOINT) (\w+)$/.exec(text) ?? [];
    if (verb === "ROLLBACK TO SAVEPOINT" && name !== undefined) {
      const isFound = transaction?.rollBackTo(name) === true;
      return done(isFound ? undefined : new DatabaseError("3B001", "savepoint does not exist"), NOTHING);
    }
    if (transaction?.isAborted === true) {
      return done(new DatabaseError("25P02", "current transaction is aborted"));
    }
    if (verb !== undefined && name !== undefined) {
      if (verb === "SAVEPOINT") transaction?.setSavepoint(name);
      else transaction?.release(name);
      return done(undefined, NOTHING);
    }
    if (text === "SELECT 1") return done(undefined, { rowCount: 1, rows: [{}] });
    this.#operation(text, values, done);
  }

  #operation(text: string, values: readonly unknown[], done: (error?: Error, result?: Result) => void): void {
    const server = this.#server;
    const [, name = "", literal] = /^(\w+) (?:\$1|E?'(.*)')$/s.exec(text) ?? [];
    const operation = operations[name];
    if (operation === undefined) return done(new DatabaseError("42601", `syntax error: ${text}`));
    const params = JSON.parse(
      literal === undefined ? String(values[0]) : literal.replaceAll("''", "'"),
    ) as never;
    const isAlone = this.transaction === undefined;
    const transaction = this.transaction ?? new Transaction(server.nameTransaction(this.name), server.tables);
    this.transaction = transaction;
    server.world.tell("database", () => `executes for ${this.name}: ${name} ${brief(params)}`);
    const context: Context = {
      transaction,
      now: () => server.now(),
      isCluster: server.isCluster,
      isLockFree: (row) => server.isCluster || server.locks.isFree(row, transaction),
      unlock: (row) => server.locks.release(row, transaction),
    };
    const failed = (error: Error) => {
      if (this.#isOver) return;
      if (isAlone) this.#rollBack("as its only statement has failed");
      else transaction.isAborted = true;
      done(error);
    };
    const running = operation(context, params);
    const step = (): void => {
      try {
        const { done: isDone, value } = running.next();
        if (isDone !== true) {
          const { row, mode, limitMs } = value;
          return server.locks.acquire(row, transaction, mode, limitMs, (error) =>
            error === undefined ? step() : failed(error),
          );
        }
        if (this.#isOver) return;
        if (transaction.writes.size > 0 && server.world.now < server.readOnlyUntil) {
          throw new DatabaseError("25006", "cannot execute that in a read-only transaction");
        }
        if (!isAlone) return done(undefined, value);
        if (!server.isCluster || transaction.writes.size === 0) return done(this.#commit(), value);
        // The other nodes have to hear of it first.
        server.world.after(server.replicationMs(), () => {
          if (!this.#isOver) done(this.#commit(), value);
        });
      } catch (error) {
        failed(error as Error);
      }
    };
    // Another node has changed the row meanwhile, and the transaction is told with its next statement, or not before COMMIT.
    if (!isAlone && this.#isLate(transaction) && server.choices.happens(0.5)) {
      return failed(conflict());
    }
    step();
  }

  #isLate(transaction: Transaction): boolean {
    if (!this.#server.isCluster) return false;
    const { tables } = this.#server;
    return [...transaction.bases].some(([key, version]) => tables.versionOf(key) !== version);
  }

  /** Returns why nothing was committed, if the server says so. */
  #commit(): Error | undefined {
    const { transaction } = this;
    const server = this.#server;
    if (transaction === undefined) return undefined;
    // As PostgreSQL does, without an error.
    if (transaction.isAborted) {
      this.#rollBack("as a statement of it had failed");
      return undefined;
    }
    if (this.#isLate(transaction)) {
      this.#rollBack("as another one was first");
      return conflict();
    }
    if (transaction.writes.size > 0) {
      server.world.tell(
        "database",
        () => `commits ${transaction.name}: ${[...transaction.writes.keys()].map(short).join(", ")}`,
      );
      server.onCommit(transaction, this.#process);
      server.tables.commit(transaction.writes);
    }
    this.transaction = undefined;
    server.locks.releaseAll(transaction);
    return undefined;
  }

  #rollBack(why: string): void {
    const { transaction } = this;
    if (transaction === undefined) return;
    if (transaction.writes.size > 0)
      this.#server.world.tell("database", () => `rolls ${transaction.name} back, ${why}`);
    this.transaction = undefined;
    this.#server.locks.releaseAll(transaction);
  }
}

const NOTHING: Result = { rowCount: 0, rows: [] };
const conflict = () => new DatabaseError("40001", "could not serialize access: another node was first");

const asTexts = ({ rowCount, rows }: Result): Result => ({
  rowCount,
  rows: rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        value === null
          ? null
          : typeof value === "boolean"
            ? value
              ? "t"
              : "f"
            : `${value as string | number}`,
      ]),
    ),
  ),
});

/** Ids are hashes of 64 characters. */
export const short = (text: string) => text.replaceAll(/\b[0-9a-f]{64}\b/g, (id) => id.slice(0, 6));

function brief(params: object): string {
  const { id, owner, status, response, name, leaseMs, execution } = params as Record<string, unknown>;
  return short(JSON.stringify({ id, owner, status, response, name, leaseMs, execution }));
}

function describe(results: readonly Result[]): string {
  return short(
    results.map(({ rowCount, rows }) => (rows.length > 0 ? JSON.stringify(rows) : `${rowCount}`)).join("; "),
  );
}
