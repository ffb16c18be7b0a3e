/**
 * All use of a client's private members. Prisma may move them in any release, so each is optional: an option or a default
 * takes its place, or an error says what is missing.
 *
 * What wraps a client is told from the client by members that `./underneath.ts` uses alone.
 *
 * Other files use what is not private but not documented either: `../handler/joined-client.ts` the internal parameters of
 * query extensions, `../handler/prisma-promise.ts` `requestTransaction`, `../handler/nested-transaction.ts` the tag of Prisma's
 * promises, `../handler/members.ts` the `$name` of models, `../handler/handler-client.ts` and `../ambient/ambient.ts` their
 * `$parent`, and `sql/faults.ts` `meta.driverAdapterError`.
 */
/* oxlint-disable no-underscore-dangle -- the names are Prisma's */

import type { DescribedModels } from "../../sql/dialect/names.ts";
import type { AdapterInfo } from "./adapters.ts";
import type { AdapterFactory } from "./driver.ts";

interface ClientInternals {
  readonly _originalClient?: object;
  readonly _extensions?: { readonly isEmpty?: () => boolean };
  readonly _createPrismaPromise?: (send: (transaction: unknown) => Promise<void>) => PromiseLike<void>;
  readonly _activeProvider?: unknown;
  readonly _runtimeDataModel?: { readonly models?: DescribedModels["models"] };
  readonly _engineConfig?: {
    readonly transactionOptions?: ClientTransactionOptions;
    readonly adapter?: Partial<AdapterFactory> & {
      readonly options?: { readonly schema?: unknown };
      readonly adapterName?: unknown;
      readonly provider?: unknown;
    };
  };
}

/** What the application passed to `PrismaClient` as `transactionOptions`. Times in milliseconds. */
export interface ClientTransactionOptions {
  readonly timeout?: number;
  readonly maxWait?: number;
  readonly isolationLevel?: string;
}

/** One operation as it is sent, after all extensions. */
export interface ClientRequest {
  readonly model?: string;
  readonly action: string;
  readonly args?: unknown;
  readonly transaction?: { readonly id?: unknown };
  readonly callsite?: { readonly getLocation?: () => CallSite | null };
  /** Of the beginning of a transaction: the client that it was asked of. */
  readonly client?: unknown;
}

interface CallSite {
  readonly fileName: string;
  readonly lineNumber: number | null;
  readonly columnNumber: number | null;
}

/** The provider of the schema's data source, by Prisma's name. */
export function providerOf(client: object): unknown {
  return (client as ClientInternals)._activeProvider;
}

/** The models, and the schema passed to `PrismaPg`. Prisma qualifies its own queries with it; raw SQL uses the search path. */
export function describedBy(client: object): DescribedModels {
  const { _runtimeDataModel: model, _engineConfig: config } = client as ClientInternals;
  const schema = config?.adapter?.options?.schema;
  return {
    models: model?.models,
    schema: typeof schema === "string" ? schema : undefined,
  };
}

export function transactionOptionsOf(client: object): ClientTransactionOptions {
  return (client as ClientInternals)._engineConfig?.transactionOptions ?? {};
}

/** The driver adapter passed to the client. Replacing its methods takes effect only before the client connects. */
export function adapterFactoryOf(client: object): AdapterFactory | undefined {
  const adapter = (client as ClientInternals)._engineConfig?.adapter;
  return typeof adapter?.connect === "function" ? (adapter as AdapterFactory) : undefined;
}

/** Prisma's version, as the generated client names it. */
export function versionOf(client: object): string | undefined {
  const { _clientVersion: version } = client as { readonly _clientVersion?: unknown };
  return typeof version === "string" ? version : undefined;
}

/** What this version of Prisma lacks of what this file reads, and what comes of that. */
export function lackingMembersOf(
  client: object,
): readonly { readonly member: string; readonly consequence: string }[] {
  const engine = engineOf(client) as ClientInternals & Partial<Watchable>;
  const members = [
    [
      engine._runtimeDataModel?.models,
      "_runtimeDataModel",
      "names of tables and columns must be given by option models",
    ],
    [
      engine._engineConfig?.adapter,
      "_engineConfig.adapter",
      "its own statements take the slower way through the client",
    ],
    [
      engine._createPrismaPromise,
      "_createPrismaPromise",
      "clients with extensions cannot join a handler's transaction",
    ],
    [engine._executeRequest, "_executeRequest", "option guard sees no writes outside of the transaction"],
  ] as const;
  return members
    .filter(([value]) => value === undefined)
    .map(([, member, consequence]) => ({ member, consequence }));
}

/** What the client's driver adapter says of itself; `undefined` if it has none, or says nothing. */
export function adapterInfoOf(client: object): AdapterInfo | undefined {
  const adapter = (client as ClientInternals)._engineConfig?.adapter;
  const { adapterName: name, provider } = adapter ?? {};
  return typeof name === "string" && typeof provider === "string"
    ? { name, provider, factory: adapter?.constructor.name ?? "", version: versionOf(client) }
    : undefined;
}

/** The client that `new PrismaClient` made. All clients extended from it share it, and its connections. */
export function engineOf(client: object): object {
  return (client as ClientInternals)._originalClient ?? client;
}

/** Whether a client has extensions. If it does not tell, it counts as extended. */
export function isExtended(client: object): boolean {
  return (client as ClientInternals)._extensions?.isEmpty?.() !== true;
}

/** What a client's extensions are kept in: each `$extends` makes another, and what wraps a client passes it through. */
export function extensionsOf(client: object): object | undefined {
  return (client as ClientInternals)._extensions;
}

/** The transaction that Prisma passes along with each statement of the transaction client `tx`. */
export function transactionInfoOf(tx: object): unknown {
  let info: unknown;
  (tx as ClientInternals)
    ._createPrismaPromise?.((transaction) => {
      info = transaction;
      return Promise.resolve();
    })
    .then(undefined, () => {});
  return info;
}

type AnyFunction = (...args: never[]) => unknown;

/** What {@link watchRequests} calls. */
export interface RequestWatch {
  /** Called before each operation, and before each transaction begins. If it throws, the operation fails with that. */
  readonly beforeSend: (request: ClientRequest) => void;
  /** Called when the application calls `asked`, before anything is sent. Returns the function that will send it. */
  readonly atCall: <T extends AnyFunction>(send: T, asked: AnyFunction) => T;
}

/**
 * Watches the operations of all clients that share `engine`.
 *
 * @returns whether the client lets itself be watched.
 */
export function watchRequests(engine: object, { beforeSend, atCall }: RequestWatch): boolean {
  const {
    _executeRequest: execute,
    _createPrismaPromise: create,
    $transaction: transact,
  } = engine as Watchable;
  if ([execute, create, transact].some((method) => typeof method !== "function")) {
    return false;
  }
  const unlessRefused = async (check: () => void, send: () => Promise<unknown>): Promise<unknown> => {
    check();
    return send();
  };
  const watching: Watchable = {
    _executeRequest(request) {
      return unlessRefused(
        () => beforeSend(request),
        () => execute.call(this, request),
      );
    },
    _createPrismaPromise(send) {
      return create.call(this, atCall(send, watching._createPrismaPromise));
    },
    $transaction(work, options) {
      const send = () => transact.call(this, work, options);
      if (typeof work !== "function") {
        return send();
      }
      // Not around `send`: what `work` does has call sites of its own.
      return unlessRefused(
        atCall(() => beforeSend({ action: "$transaction", client: this }), watching.$transaction),
        send,
      );
    },
  };
  Object.assign(engine, watching);
  standingFor(transact, watching.$transaction);
  return true;
}

const originals = new WeakMap<AnyFunction, AnyFunction>();

/** `ours`, which calls `original`. */
export function standingFor<T extends AnyFunction>(original: AnyFunction, ours: T): T {
  originals.set(ours, original);
  return ours;
}

/** The method `$transaction` of a client, without what we have put around it. */
export function transactionMethodOf(client: object): AnyFunction {
  let { $transaction: method }: { readonly $transaction: AnyFunction } = client as Watchable;
  for (let next = originals.get(method); next !== undefined; next = originals.get(method)) {
    method = next;
  }
  return method;
}

type Send = (transaction: unknown) => Promise<unknown>;

interface Watchable {
  readonly _executeRequest: (this: unknown, request: ClientRequest) => Promise<unknown>;
  readonly _createPrismaPromise: (this: unknown, send: Send) => PromiseLike<unknown>;
  readonly $transaction: (this: unknown, work: unknown, options?: unknown) => Promise<unknown>;
}
