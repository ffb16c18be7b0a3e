import { ISOLATION_LEVELS } from "../../core/contract/options/transaction-options.ts";
import type { HandlerTransaction } from "./handler-transaction.ts";
import { handlerStatementOf, type PrismaPromise, sentIn } from "./prisma-promise.ts";

/**
 * `$transaction` inside a handler: runs all of `work` or nothing of it, as a part of the handler's transaction. `clientOf`
 * returns the client that a function is given.
 */
export async function nestedTransaction(
  transaction: HandlerTransaction,
  clientOf: (child: HandlerTransaction) => unknown,
  work: unknown,
  options?: unknown,
): Promise<unknown> {
  checkIsolation(transaction, options);
  if (typeof work === "function") {
    return transaction.runNested((child) => child.runHandler(async () => (work as Work)(clientOf(child))));
  }
  const statements = [...(work as Iterable<unknown>)];
  if (!statements.every(isPrismaPromise)) {
    throw new TypeError(
      "onceonly: $transaction got an array with an element that is not an unsent statement; pass what Prisma's methods " +
        "return, without awaiting it.",
    );
  }
  return transaction.runNested((child) => child.runHandler(() => inTurn(child, statements)));
}

type Work = (tx: unknown) => Promise<unknown>;

async function inTurn(child: HandlerTransaction, statements: readonly PrismaPromise[]): Promise<unknown[]> {
  const made = statements.map(handlerStatementOf);
  const elsewhere = made.find(
    (statement) => statement !== undefined && !child.isPartOf(statement.transaction),
  );
  if (elsewhere !== undefined) {
    throw elsewhere.transaction.errorElsewhere();
  }
  const results: unknown[] = [];
  for (const [n, statement] of statements.entries()) {
    // A statement that was made outside of the handler would not join by itself.
    results.push(await (made[n]?.send() ?? sentIn(child, statement)));
  }
  return results;
}

/**
 * A savepoint has the isolation level of its transaction.
 *
 * @throws TypeError if `options` ask for a stronger one.
 */
export function checkIsolation({ begun: { isolationLevel } }: HandlerTransaction, options: unknown): void {
  const asked = (options as { readonly isolationLevel?: string } | null | undefined)?.isolationLevel;
  if (asked !== undefined && strengthOf(asked) > strengthOf(isolationLevel)) {
    throw new TypeError(
      `onceonly: a transaction inside a handler asks for isolationLevel "${asked}", but the transaction it joins ` +
        `guarantees only "${isolationLevel}"; give the run transaction: { isolationLevel: "${asked}" }.`,
    );
  }
}

function strengthOf(isolationLevel: string): number {
  const index = ISOLATION_LEVELS.indexOf(isolationLevel);
  return index === -1 ? Infinity : index;
}

function isPrismaPromise(value: unknown): value is PrismaPromise {
  return (
    typeof value === "object" &&
    value !== null &&
    (value as { readonly [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === "PrismaPromise"
  );
}
