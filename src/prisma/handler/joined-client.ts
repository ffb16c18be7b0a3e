import type { PrismaClientLike, RawClient } from "../client/client.ts";
import { transactionInfoOf } from "../client/private-members.ts";
import { lentIn } from "./handler-transaction.ts";
import { statementIn } from "./prisma-promise.ts";
import { lentOf } from "./scope.ts";

/** A client with Prisma's `$extends`, whose return type depends on the extension. */
export interface ExtensibleClient extends PrismaClientLike {
  $extends(extension: unknown): ExtensibleClient;
}

/**
 * `client`, extended so that its statements inside a handler are sent in the handler's transaction. As the last extension it
 * is the innermost: those of the application come first, as they do outside of handlers.
 */
export function joinedClient(client: ExtensibleClient, engine: object): ExtensibleClient {
  return client.$extends({
    name: "onceonly",
    query: {
      $allOperations: ({ args, query, __internalParams: params }: Query): PromiseLike<unknown> => {
        const { transaction } = params;
        // A statement may name its transaction. That counts more than the context, which need not be its handler's: an
        // extension that limits concurrency sends from others' contexts. A batch of another client stays as it is.
        const lent = transaction === undefined ? lentOf(engine) : lentIn(transaction);
        return lent === undefined
          ? query(args)
          : lent.send(
              () => query(args, { ...params, transaction: transaction ?? lent.info }),
              statementIn(transaction),
            );
      },
    },
  });
}

/**
 * Sends raw statements in the transaction of `tx` without passing the extensions of its client. An extension that sends a
 * batch for each statement would take ours out of the transaction.
 */
export function unextended(engine: object, tx: RawClient): RawClient {
  let plain: RawClient | undefined;
  const client = (): RawClient => {
    const transaction = transactionInfoOf(tx);
    plain ??=
      transaction === undefined
        ? tx
        : (engine as ExtensibleClient).$extends({
            query: {
              $allOperations: ({ args, query, __internalParams: params }: Query) =>
                query(args, { ...params, transaction }),
            },
          });
    return plain;
  };
  return {
    $queryRawUnsafe: (text, ...values: unknown[]) => client().$queryRawUnsafe(text, ...values),
    $executeRawUnsafe: (text, ...values: unknown[]) => client().$executeRawUnsafe(text, ...values),
  };
}

/** What Prisma passes to a query extension. Prisma's own extensions use the internal parameters too. */
interface Query {
  readonly args: unknown;
  readonly query: (args: unknown, params?: InternalParams) => PromiseLike<unknown>;
  readonly __internalParams: InternalParams;
}

interface InternalParams {
  readonly transaction?: unknown;
}
