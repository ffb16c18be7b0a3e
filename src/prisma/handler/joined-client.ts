import type { PrismaClientLike, RawClient } from "../client/client.ts";
import { transactionInfoOf } from "../client/private-members.ts";
import { rawSqlOf } from "../client/raw-sql.ts";
import { handlerTransactionIn } from "./handler-transaction.ts";
import { pastOverrides } from "./own-class.ts";
import { statementIn } from "./prisma-promise.ts";
import { handlerTransactionOf } from "./scope.ts";

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
      $allOperations: ({ model, args, query, __internalParams: params }: Query): PromiseLike<unknown> => {
        const { transaction: named } = paramsOf(params);
        // A statement may name its transaction. That counts more than the context, which need not be its handler's: an
        // extension that limits concurrency sends from others' contexts. A batch of another client stays as it is.
        const transaction = named === undefined ? handlerTransactionOf(engine) : handlerTransactionIn(named);
        if (transaction === undefined) {
          return query(args);
        }
        return model === undefined && transaction.begun.endsTransaction(rawSqlOf(args))
          ? transaction.refuseEnding()
          : transaction.send(
              () => query(args, { ...params, transaction: named ?? transaction.info }),
              statementIn(named),
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
        : pastOverrides(
            engine,
            (engine as ExtensibleClient).$extends({
              query: {
                $allOperations: ({ args, query, __internalParams: params }: Query) =>
                  query(args, { ...params, transaction }),
              },
            }),
          );
    return plain;
  };
  return {
    $queryRawUnsafe: (text, ...values: unknown[]) => client().$queryRawUnsafe(text, ...values),
    $executeRawUnsafe: (text, ...values: unknown[]) => client().$executeRawUnsafe(text, ...values),
  };
}

/** What Prisma passes to a query extension. Prisma's own extensions use the internal parameters too. */
interface Query {
  /** `undefined` for raw SQL. */
  readonly model?: string;
  readonly args: unknown;
  readonly query: (args: unknown, params?: InternalParams) => PromiseLike<unknown>;
  /** Optional, as Prisma does not document it. */
  readonly __internalParams?: InternalParams;
}

/** @throws Error if this version of Prisma passes none. */
function paramsOf(params: InternalParams | undefined): InternalParams {
  if (params === undefined) {
    throw new Error(
      "onceonly: this version of Prisma does not tell a query extension which transaction a statement is in, so clients " +
        "with extensions and clients of withAmbientTransaction cannot join a handler's transaction. Use a version that " +
        "onceonly supports.",
    );
  }
  return params;
}

interface InternalParams {
  readonly transaction?: unknown;
}
