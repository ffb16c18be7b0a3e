import { randomUUID } from "node:crypto";
import { unwrapped } from "../contract/errors/errors.ts";
import type { LeaseContext, LeaseHandler } from "../contract/idempotency.ts";
import type { ResolvedRunOptions } from "../contract/options/options.ts";
import type { Store } from "../contract/store.ts";
import { derivedKey } from "../request/identity.ts";
import { runUnkeyed, UNKEYED } from "../run/unkeyed-run.ts";
import { StepCalls } from "./step-calls.ts";
import { checkExecute, StepNames } from "./step-names.ts";

/** Steps that are not recorded: the handler of a call without a key gets the same context as with one. */
export async function runLeasedUnkeyed<TTransaction, T>(
  store: Store<TTransaction>,
  options: ResolvedRunOptions,
  handler: LeaseHandler<TTransaction, T, undefined>,
): Promise<T> {
  const id = randomUUID();
  const { signal } = new AbortController();
  const names = new StepNames(UNKEYED);
  const calls = new StepCalls(UNKEYED);
  const stepOf = (name: string, execute: unknown) => {
    names.take(name, false);
    checkExecute(name, execute, UNKEYED);
    return { key: derivedKey(id, name), attempt: 1, signal };
  };
  const context: LeaseContext<TTransaction, undefined> = {
    key: undefined,
    attempt: 1,
    signal,
    deriveKey: (name) => derivedKey(id, name),
    step: (name, execute) => calls.watched((async () => execute(stepOf(name, execute)))()),
    transaction: (name, execute) =>
      calls.watched(
        (async () => {
          const step = stepOf(name, execute);
          return runUnkeyed(store, options, async ({ tx, join }) => execute({ ...step, tx, join }));
        })(),
      ),
  };
  try {
    return await calls.during(() => handler(context));
  } catch (error) {
    throw unwrapped(error);
  }
}
