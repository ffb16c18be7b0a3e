import { randomUUID } from "node:crypto";
import type { RunContext, UnkeyedContext } from "../core/contract/idempotency.ts";
import { derivedKey } from "../core/request/identity.ts";

/** What a handler gets besides the request. */
export interface HttpContext<TTransaction> extends Omit<RunContext<TTransaction>, "key"> {
  /**
   * The client's key; `undefined` if a key is not required and none was sent. `deriveKey` then gives keys that are useful
   * only within this execution.
   */
  readonly key: string | undefined;
}

/** A `fetch`-style handler; `arg` is what the framework passes as its second argument. */
export type HttpHandler<TTransaction, TRequest, TArg> = (
  request: TRequest,
  context: HttpContext<TTransaction>,
  arg: TArg,
) => Response | Promise<Response>;

export function unkeyedContext<TTransaction>(
  context: UnkeyedContext<TTransaction>,
): HttpContext<TTransaction> {
  const id = randomUUID();
  return { ...context, key: undefined, attempt: 1, deriveKey: (name) => derivedKey(id, name) };
}

/** For a method that passes through untouched. Members that need a transaction say so when they are used. */
export function untouchedContext<TTransaction>(method: string): HttpContext<TTransaction> {
  const refuse = (): never => {
    throw new TypeError(
      `onceonly: ${method} passes withIdempotency untouched, without a transaction; name it in option methods, or use ` +
        "the application's own client.",
    );
  };
  const tx = new Proxy({}, { get: (_, name) => (typeof name === "string" ? refuse() : undefined) });
  return unkeyedContext({ tx: tx as TTransaction, afterCommit: refuse });
}
