import type { PrismaClientLike, RawClient } from "../client.ts";
import { transactionInfoOf } from "../internals.ts";
import { lentIn } from "./lent-transaction.ts";
import { lentOf } from "./scope.ts";

/** A client with Prisma's own method to extend it, whose results have as many types as there are extensions. */
export interface ExtensibleClient extends PrismaClientLike {
  $extends(extension: unknown): ExtensibleClient;
}

/**
 * `client` extended so that what it does inside a handler is done on the handler's transaction. As the last of its
 * extensions it is the innermost: those of the application come by first, as outside of handlers.
 */
export function joinedClient(client: ExtensibleClient, engine: object): ExtensibleClient {
  return client.$extends({
    name: "onceonly",
    query: {
      $allOperations: ({ args, query, __internalParams: params }: Query): PromiseLike<unknown> => {
        const { transaction } = params;
        // It says itself where it belongs: an extension may have sent it from a context that is not its handler's, as one does
        // that limits how many are under way. A batch of its own, made on a client that is not ambient, stays one.
        const lent = transaction === undefined ? lentOf(engine) : lentIn(transaction);
        return lent === undefined
          ? query(args)
          : lent.send(() => query(args, { ...params, transaction: transaction ?? lent.info }));
      },
    },
  });
}

/**
 * The transaction of `tx` for raw statements that pass none of the extensions of the client that it is of. An extension
 * that sends a batch for each statement would take ours out of the transaction.
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

/** What Prisma hands to a query extension. The internal parameters are also those of Prisma's own extensions. */
interface Query {
  readonly args: unknown;
  readonly query: (args: unknown, params?: InternalParams) => PromiseLike<unknown>;
  readonly __internalParams: InternalParams;
}

interface InternalParams {
  readonly transaction?: unknown;
}
