import { checkNumber, checkOneOf, misuse } from "../../browser/option-checks.ts";
import { checkOptionNames, type OptionNames } from "./option-names.ts";

/** Limits of the transaction that a run opens. Prisma's own apply where one is absent. */
export interface TransactionOptions {
  /**
   * How long one attempt waits for a connection, in milliseconds. Default: Prisma's `maxWait`, 2,000; how long attempts are
   * repeated, `outageMs` says. Where the claim travels with BEGIN
   * (`@prisma/adapter-pg`, `@prisma/adapter-neon`), the time that it may block is added to this too.
   */
  readonly maxWaitMs?: number;
  /**
   * How long the handler's transaction may take, in milliseconds. Default: Prisma's `timeout`, 5,000.
   * The time that the claim may block on a duplicate (up to 1 s at a time) is added to it.
   */
  readonly timeoutMs?: number;
  /** A Prisma isolation level. Default: the database's own. */
  readonly isolationLevel?: string;
}

const TRANSACTION_OPTIONS: OptionNames<Required<TransactionOptions>> = {
  maxWaitMs: true,
  timeoutMs: true,
  isolationLevel: true,
};

/** @throws TypeError for an option `transaction` that cannot be used. */
export function checkTransaction(transaction: unknown): void {
  if (transaction === undefined) {
    return;
  }
  if (typeof transaction !== "object" || transaction === null) {
    throw misuse("transaction", transaction, "an object of maxWaitMs, timeoutMs and isolationLevel");
  }
  checkOptionNames(transaction, TRANSACTION_OPTIONS, "transaction.");
  const { maxWaitMs, timeoutMs, isolationLevel } = transaction as Record<string, unknown>;
  checkNumber("transaction.maxWaitMs", maxWaitMs, 1);
  checkNumber("transaction.timeoutMs", timeoutMs, 1);
  checkOneOf("transaction.isolationLevel", isolationLevel, ISOLATION_LEVELS);
}

/** As Prisma names them, weakest first. The database itself says which of them it knows. */
export const ISOLATION_LEVELS: readonly string[] = [
  "ReadUncommitted",
  "ReadCommitted",
  "RepeatableRead",
  "Snapshot",
  "Serializable",
];
