/** Locks of rows, held until the end of their transaction, and who waits for them. */
import type { World } from "../world/world.ts";
import { DatabaseError } from "./tables.ts";
import type { Transaction } from "./transaction.ts";

type Mode = "exclusive" | "shared";

interface Waiting {
  readonly transaction: Transaction;
  readonly mode: Mode;
  granted(): void;
}

interface Lock {
  readonly holders: Map<Transaction, Mode>;
  readonly queue: Waiting[];
}

export class Locks {
  readonly #locks = new Map<string, Lock>();
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Whether another transaction stands in the way of an exclusive lock. */
  isFree(row: string, transaction: Transaction): boolean {
    const lock = this.#locks.get(row);
    return lock === undefined || [...lock.holders.keys()].every((holder) => holder === transaction);
  }

  /** Calls `done` once the lock is held, at once if nobody is in the way, or with the error that ends the waiting. */
  acquire(
    row: string,
    transaction: Transaction,
    mode: Mode,
    limitMs: number,
    done: (error?: DatabaseError) => void,
  ): void {
    const lock: Lock = this.#locks.get(row) ?? { holders: new Map(), queue: [] };
    this.#locks.set(row, lock);
    if (
      this.#isGrantable(lock, transaction, mode) &&
      (lock.queue.length === 0 || lock.holders.has(transaction))
    ) {
      this.#grant(row, lock, transaction, mode);
      return done();
    }
    let end = (_error?: DatabaseError) => {};
    const waiting: Waiting = { transaction, mode, granted: () => end() };
    lock.queue.push(waiting);
    if (this.#isDeadlocked(transaction)) {
      lock.queue.splice(lock.queue.indexOf(waiting), 1);
      return done(new DatabaseError("40P01", "deadlock detected"));
    }
    this.#world.tell("database", () => `${transaction.name} waits for the lock of ${row}`);
    const timer =
      limitMs > 0
        ? this.#world.after(limitMs, () => {
            lock.queue.splice(lock.queue.indexOf(waiting), 1);
            this.#serve(row, lock);
            end(new DatabaseError("55P03", "canceling statement due to lock timeout"));
          })
        : undefined;
    const cancel = () => {
      const index = lock.queue.indexOf(waiting);
      if (index >= 0) lock.queue.splice(index, 1);
      this.#serve(row, lock);
      end(new DatabaseError("57P01", "terminating connection due to administrator command"));
    };
    transaction.cancel = cancel;
    end = (error) => {
      end = () => {};
      transaction.cancel = undefined;
      if (timer !== undefined) timer.act = undefined;
      done(error);
    };
  }

  #isGrantable(lock: Lock, transaction: Transaction, mode: Mode): boolean {
    for (const [holder, held] of lock.holders) {
      if (holder !== transaction && (mode === "exclusive" || held === "exclusive")) return false;
    }
    return true;
  }

  #grant(row: string, lock: Lock, transaction: Transaction, mode: Mode): void {
    if (lock.holders.get(transaction) !== "exclusive") lock.holders.set(transaction, mode);
    transaction.locked.add(row);
  }

  release(row: string, transaction: Transaction): void {
    const lock = this.#locks.get(row);
    transaction.locked.delete(row);
    if (lock?.holders.delete(transaction) === true) this.#serve(row, lock);
  }

  releaseAll(transaction: Transaction): void {
    for (const row of Array.from(transaction.locked)) this.release(row, transaction);
  }

  #serve(row: string, lock: Lock): void {
    for (;;) {
      const [first] = lock.queue;
      if (first === undefined) break;
      if (!this.#isGrantable(lock, first.transaction, first.mode)) break;
      lock.queue.shift();
      this.#grant(row, lock, first.transaction, first.mode);
      // Those that are woken run one after another.
      this.#world.after(0, first.granted);
    }
    if (lock.holders.size === 0 && lock.queue.length === 0) this.#locks.delete(row);
  }

  /** Whether it waits, through others, for itself. */
  #isDeadlocked(transaction: Transaction): boolean {
    const seen = new Set<Transaction>();
    const waitsFor = (who: Transaction): Transaction[] =>
      [...this.#locks.values()].flatMap(({ holders, queue }) => {
        const place = queue.findIndex((waiting) => waiting.transaction === who);
        if (place < 0) return [];
        const before = queue.slice(0, place).map((waiting) => waiting.transaction);
        return [...holders.keys(), ...before].filter((other) => other !== who);
      });
    const reaches = (who: Transaction): boolean =>
      waitsFor(who).some((other) => {
        if (other === transaction) return true;
        if (seen.has(other)) return false;
        seen.add(other);
        return reaches(other);
      });
    return reaches(transaction);
  }

  /** Rows that somebody has locked. */
  get rows(): string[] {
    return [...this.#locks.keys()];
  }
}
