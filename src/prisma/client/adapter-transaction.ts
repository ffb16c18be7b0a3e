/** The driver's side of a transaction, as an adapter begins it, and what we put before its connection. */
import type { Capabilities } from "../../sql/dialect/capabilities.ts";
import { hidesFailedCommit } from "./adapters.ts";
import { type GuardedConnection, guardTransaction } from "./guarded-connection.ts";
import {
  beginSharing,
  type Followers,
  type SharedMessages,
  type SharingAdapter,
  sharesMessages,
} from "./shared-messages.ts";

export type Adapter = SharingAdapter<AdapterTransaction>;

export interface AdapterTransaction {
  executeRaw(statement: AdapterStatement): Promise<number>;
  queryRaw(statement: AdapterStatement): Promise<unknown>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

export interface AdapterStatement {
  readonly sql: string;
  readonly args: readonly unknown[];
  readonly argTypes: readonly { readonly scalarType: string; readonly arity: string }[];
}

/** What a transaction must be told of its database. */
export type TransactionRules = Pick<Capabilities, "endsTransaction" | "vanishing">;

/** A transaction of the adapter's, and what stands before its connection. */
export interface BegunByAdapter {
  readonly transaction: AdapterTransaction;
  /** The messages that it shares with statements of ours, if it does. */
  readonly messages?: SharedMessages | undefined;
  /** What its connection is guarded by, where a transaction can vanish. */
  readonly guard?: GuardedConnection | undefined;
}

/** Has `adapter`, or what stands around it, begin a transaction by its own method `start`. */
export async function beginWith(
  { around, adapter, start }: { around: unknown; adapter: Adapter; start: Adapter["startTransaction"] },
  isolationLevel: string | undefined,
  { vanishing }: TransactionRules,
  takeFollowers: () => Followers | undefined,
): Promise<BegunByAdapter> {
  if (vanishing !== undefined) {
    const transaction = await start.call(around, isolationLevel).catch((error: unknown) => {
      throw vanishing.errorOfBegin(error);
    });
    return { transaction, guard: await guardTransaction(transaction, vanishing) };
  }
  if (hidesFailedCommit(adapter.adapterName)) {
    const transaction = await start.call(around, isolationLevel);
    tellCommit(transaction);
    return { transaction };
  }
  const followers = sharesMessages(adapter) ? takeFollowers() : undefined;
  return followers === undefined
    ? { transaction: await start.call(around, isolationLevel) }
    : beginSharing(adapter, start, isolationLevel, followers);
}

/**
 * Has the COMMIT of a transaction tell whether it failed, over an adapter that reports each one as done. Sent as a statement, it
 * tells. The adapter's own end comes after it, finds no transaction, and frees the connection.
 */
function tellCommit(transaction: AdapterTransaction): void {
  const execute = transaction.executeRaw.bind(transaction);
  const free = transaction.commit.bind(transaction);
  transaction.commit = async () => {
    try {
      await execute({ sql: "COMMIT", args: [], argTypes: [] });
    } finally {
      await free();
    }
  };
}
