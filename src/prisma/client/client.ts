/**
 * The boundary to foreign types: the part of a Prisma client that we use. Nothing is imported from `@prisma/client`,
 * because every generated client has its own copy of the classes. The `any`s come from Prisma's own signatures.
 */
/* oxlint-disable typescript/no-explicit-any */
import { isClass, misplaced } from "../../core/contract/found.ts";

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

/** @throws TypeError if `prisma` is not a client. */
export function checkClient(option: string, prisma: unknown): void {
  if (isPrisma8(prisma)) {
    throw new TypeError(
      `onceonly: option ${option} is a client of Prisma 8, which this version does not know; use a client of Prisma 6.19 or 7.`,
    );
  }
  // A transaction of Prisma 7 has `$transaction` too, for savepoints; only a client connects.
  if (["$transaction", "$queryRawUnsafe", "$connect"].every((name) => isMethod(prisma, name))) {
    return;
  }
  const remedy = "your generated PrismaClient, not one of its transactions";
  throw isMethod(prisma, "$queryRawUnsafe")
    ? new TypeError(`onceonly: option ${option} is a transaction of Prisma's; give ${remedy}.`)
    : misplaced(option, prisma, isClass(prisma) ? `an instance, such as new ${prisma.name}()` : remedy);
}

/** It has `transaction` without a dollar sign, and the contract that it was made with. */
function isPrisma8(client: unknown): boolean {
  return isMethod(client, "transaction") && !isMethod(client, "$transaction");
}

function isMethod(client: unknown, name: string): boolean {
  return (
    typeof client === "object" &&
    client !== null &&
    typeof (client as Record<string, unknown>)[name] === "function"
  );
}
