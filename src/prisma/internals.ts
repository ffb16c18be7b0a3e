/**
 * What a client tells about itself only in private fields. Prisma may move them in any release: each is optional,
 * and has an option or a default to take its place, or an error that says what is missing.
 *
 * Other files read what Prisma shows but does not document: `handler/joined-client.ts` the internal parameters of query
 * extensions, `handler/prisma-promise.ts` `requestTransaction`, `handler/nested-transaction.ts` the tag of its promises,
 * `handler/members.ts` the `$name` of models, `handler/handler-client.ts` and `handler/ambient.ts` their `$parent`, and
 * `errors.ts` `meta.driverAdapterError`.
 */
/* oxlint-disable no-underscore-dangle -- the names are Prisma's */

import type { AdapterFactory } from "./driver.ts";

interface ClientInternals {
  readonly _originalClient?: object;
  readonly _extensions?: { readonly isEmpty?: () => boolean };
  readonly _createPrismaPromise?: (send: (transaction: unknown) => Promise<void>) => PromiseLike<void>;
  readonly _activeProvider?: unknown;
  readonly _runtimeDataModel?: { readonly models?: Readonly<Record<string, RuntimeModel>> };
  readonly _engineConfig?: {
    readonly transactionOptions?: ClientTransactionOptions;
    readonly adapter?: Partial<AdapterFactory> & { readonly options?: { readonly schema?: unknown } };
  };
}

/** A model as the client knows it: names in the database where they differ from those in the schema. */
export interface RuntimeModel {
  readonly dbName?: string | null;
  readonly schema?: string | null;
  readonly fields: readonly { readonly name: string; readonly dbName?: string | null }[];
}

/** What the application gave its `PrismaClient` as `transactionOptions`, in milliseconds. */
export interface ClientTransactionOptions {
  readonly timeout?: number;
  readonly maxWait?: number;
  readonly isolationLevel?: string;
}

/** One operation, as it is sent when all extensions have come by. */
export interface ClientRequest {
  readonly model?: string;
  readonly action: string;
  readonly args?: unknown;
  readonly transaction?: { readonly id?: unknown };
  readonly callsite?: { readonly getLocation?: () => CallSite | null };
}

interface CallSite {
  readonly fileName: string;
  readonly lineNumber: number | null;
  readonly columnNumber: number | null;
}

/** The provider of the schema's data source, for example `"postgresql"`. */
export function providerOf(client: object): unknown {
  return (client as ClientInternals)._activeProvider;
}

/** The models by name; `undefined` where the client does not tell. */
export function modelsOf(client: object): Readonly<Record<string, RuntimeModel>> | undefined {
  return (client as ClientInternals)._runtimeDataModel?.models;
}

export function transactionOptionsOf(client: object): ClientTransactionOptions {
  return (client as ClientInternals)._engineConfig?.transactionOptions ?? {};
}

/** The schema given to `PrismaPg`. Prisma qualifies its own queries with it; raw SQL goes by the search path. */
export function adapterSchemaOf(client: object): string | undefined {
  const schema = (client as ClientInternals)._engineConfig?.adapter?.options?.schema;
  return typeof schema === "string" ? schema : undefined;
}

/** The driver adapter given to the client. Replacing its methods has an effect before the client connects. */
export function adapterFactoryOf(client: object): AdapterFactory | undefined {
  const adapter = (client as ClientInternals)._engineConfig?.adapter;
  return typeof adapter?.connect === "function" ? (adapter as AdapterFactory) : undefined;
}

/** The client that `new PrismaClient` made, which all clients extended from it share with its connections. */
export function engineOf(client: object): object {
  return (client as ClientInternals)._originalClient ?? client;
}

/** Whether a client has extensions. One that does not say is taken for such. */
export function isExtended(client: object): boolean {
  return (client as ClientInternals)._extensions?.isEmpty?.() !== true;
}

/** What Prisma hands on with each statement of a transaction client: the transaction it is sent in. */
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
  /** Called before each operation, and each transaction that is begun; what it throws is its failure. */
  readonly beforeSend: (request: ClientRequest) => void;
  /** Called where an operation is asked for, by `asked`, which is not where it is sent; returns what sends it. */
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
      // Not around `send`: what `work` does is asked for in places of its own.
      return unlessRefused(
        atCall(() => beforeSend({ action: "$transaction" }), watching.$transaction),
        send,
      );
    },
  };
  Object.assign(engine, watching);
  return true;
}

type Send = (transaction: unknown) => Promise<unknown>;

interface Watchable {
  readonly _executeRequest: (this: unknown, request: ClientRequest) => Promise<unknown>;
  readonly _createPrismaPromise: (this: unknown, send: Send) => PromiseLike<unknown>;
  readonly $transaction: (this: unknown, work: unknown, options?: unknown) => Promise<unknown>;
}
