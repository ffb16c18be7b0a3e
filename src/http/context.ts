import type { Mode } from "../core/adapter/options.ts";
import type { LeaseContext, RunContext } from "../core/contract/idempotency.ts";
import { inLeaseMode, inTransactionMode } from "../core/contract/other-mode.ts";

/** What a handler gets besides the request. `key` is `undefined` if a key is not required and none was sent. */
export interface HttpContext<TTransaction> extends RunContext<TTransaction, string | undefined> {}

/**
 * What a handler gets besides the request in mode `lease`. `key` is `undefined` if a key is not required and none was sent:
 * steps are then not recorded, and derived keys are useful only within this execution.
 */
export interface HttpLeaseContext<TTransaction> extends LeaseContext<TTransaction, string | undefined> {}

/** A `fetch`-style handler; `arg` is what the framework passes as its second argument. */
export type HttpHandler<TTransaction, TRequest, TArg> = (
  request: TRequest,
  context: HttpContext<TTransaction>,
  arg: TArg,
) => Response | Promise<Response>;

/**
 * A `fetch`-style handler in mode `lease`. Its request is the same for a completer: method, URL, body and the headers that option
 * `requestHeaders` names; what the framework's own class of request has besides is gone, and says so. `arg` is what the framework passes as its second argument, or `createArg` of {@link httpCompleter}
 * makes.
 */
export type HttpLeaseHandler<TTransaction, TArg> = (
  request: Request,
  context: HttpLeaseContext<TTransaction>,
  arg: TArg,
) => Response | Promise<Response>;

/** The handler of a route, by its mode. */
export type ModeHandler<TTransaction, TRequest, TArg> =
  | { readonly mode: "transaction"; readonly handle: HttpHandler<TTransaction, TRequest, TArg> }
  | { readonly mode: "lease"; readonly handle: HttpLeaseHandler<TTransaction, TArg> };

/** Calls a handler for a method that passes through untouched. What needs a run says so when it is used. */
export function handleUntouched<TTransaction, TRequest extends Request, TArg>(
  { mode, handle }: ModeHandler<TTransaction, TRequest, TArg>,
  request: TRequest,
  arg: TArg,
): Response | Promise<Response> {
  const refuse = refusalOf(request.method, mode);
  const common = { key: undefined, attempt: 1, deriveKey: refuse };
  if (mode === "lease") {
    const { signal } = new AbortController();
    return handle(request, inLeaseMode({ ...common, signal, step: refuse, transaction: refuse }), arg);
  }
  const tx = new Proxy({}, { get: (_, name) => (typeof name === "string" ? refuse() : undefined) });
  const context = { ...common, tx: tx as TTransaction, join: refuse, afterCommit: refuse };
  return handle(request, inTransactionMode(context), arg);
}

function refusalOf(method: string, mode: Mode): () => never {
  const missing = mode === "lease" ? "steps" : "a transaction";
  return () => {
    throw new TypeError(
      `onceonly: ${method} passes withIdempotency untouched, without ${missing}; name it in option methods, or use ` +
        "the application's own client.",
    );
  };
}
