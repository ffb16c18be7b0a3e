/**
 * What a client tells about itself only in private fields. Prisma may move them in any release: each is optional, each
 * has an option or a default to take its place, and no other file reads one.
 */
/* oxlint-disable no-underscore-dangle -- the names are Prisma's */

interface ClientInternals {
  readonly _activeProvider?: unknown;
  readonly _runtimeDataModel?: { readonly models?: Readonly<Record<string, RuntimeModel>> };
  readonly _engineConfig?: {
    readonly transactionOptions?: ClientTransactionOptions;
    readonly adapter?: { readonly options?: { readonly schema?: unknown } };
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
