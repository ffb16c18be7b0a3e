import type { Handler, RunContext } from "../contract/idempotency.ts";
import type { StoreSession } from "../contract/store.ts";
import { derivedKey } from "../request/identity.ts";
import type { PreparedRun } from "../request/prepare.ts";

/** Calls the handler with the transaction of `session`. What it wants done after the commit goes into `afterCommit`. */
export function lendTo<TTransaction, T>(
  session: StoreSession<TTransaction>,
  run: PreparedRun,
  attempt: number,
  afterCommit: (() => unknown)[],
  handler: Handler<TTransaction, T>,
): Promise<T> {
  const { operation } = run;
  return session.lend({ operation, afterCommit }, (tx) => handler(contextOf(run, tx, attempt, afterCommit)));
}

function contextOf<TTransaction>(
  run: PreparedRun,
  tx: TTransaction,
  attempt: number,
  afterCommit: (() => unknown)[],
): RunContext<TTransaction> {
  return {
    tx,
    key: run.key,
    attempt,
    deriveKey: (name) => derivedKey(run.id, name),
    afterCommit: (callback) => afterCommit.push(callback),
  };
}
