/**
 * The boundary to foreign types: a Prisma client as far as we use it. Nothing is imported from `@prisma/client`, whose
 * classes are another copy in every generated client. The `any`s are those of Prisma's own signatures.
 */
/* oxlint-disable typescript/no-explicit-any */

/** Raw SQL, on a client or inside a transaction. */
export interface RawClient {
  $queryRawUnsafe<T = unknown>(query: string, ...values: any[]): PromiseLike<T>;
  $executeRawUnsafe(query: string, ...values: any[]): PromiseLike<number>;
}

/** Any generated client of Prisma 6.19 or 7, extended (`$extends`) or not. */
export interface PrismaClientLike extends RawClient {
  $transaction: (body: (tx: any) => Promise<any>, options?: any) => Promise<any>;
}

/** The client's own transaction client: its models, its extensions. */
export type TransactionOf<TClient extends PrismaClientLike> = TClient extends {
  $transaction: (body: (tx: infer TTransaction) => Promise<any>, ...rest: any[]) => any;
}
  ? TTransaction
  : never;
