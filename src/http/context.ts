import type { RunContext } from "../core/contract/idempotency.ts";

/** What a handler gets besides the request. `key` is `undefined` if a key is not required and none was sent. */
export interface HttpContext<TTransaction> extends RunContext<TTransaction, string | undefined> {}

/** A `fetch`-style handler; `arg` is what the framework passes as its second argument. */
export type HttpHandler<TTransaction, TRequest, TArg> = (
  request: TRequest,
  context: HttpContext<TTransaction>,
  arg: TArg,
) => Response | Promise<Response>;

/** For a method that passes through untouched. Members that need a transaction say so when they are used. */
export function untouchedContext<TTransaction>(method: string): HttpContext<TTransaction> {
  const refuse = (): never => {
    throw new TypeError(
      `onceonly: ${method} passes withIdempotency untouched, without a transaction; name it in option methods, or use ` +
        "the application's own client.",
    );
  };
  const tx = new Proxy({}, { get: (_, name) => (typeof name === "string" ? refuse() : undefined) });
  return {
    tx: tx as TTransaction,
    join: refuse,
    key: undefined,
    attempt: 1,
    deriveKey: refuse,
    afterCommit: refuse,
  };
}
