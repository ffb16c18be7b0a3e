import {
  type Ending,
  type HandlerClients,
  NotStoredError,
  type Opening,
  type Store,
  type StoreSession,
} from "../contract/store.ts";

/** How one transaction that runs a handler ended. */
export type TransactionEnd<T> =
  | { readonly state: "committed"; readonly value: T; readonly afterCommit: Callbacks }
  /** Nothing of it is left. `during` is what failed: BEGIN and our first statements, or the handler and what follows it. */
  | { readonly state: "rolled back"; readonly during: "begin" | "handler"; readonly error: unknown }
  /** Its body had ended, and its COMMIT failed: perhaps only the answer was lost. */
  | {
      readonly state: "unknown";
      readonly value: T;
      readonly afterCommit: Callbacks;
      readonly error: unknown;
    };

type Callbacks = readonly (() => unknown)[];

/** One transaction of the store, inside which {@link inHandlerTransaction} calls its body. */
export class OpenTransaction<TTransaction> {
  readonly session: StoreSession<TTransaction>;
  /** What the handler wants done after the commit. */
  readonly afterCommit: (() => unknown)[] = [];
  readonly #operation: string;
  #during: "begin" | "handler" = "begin";

  constructor(session: StoreSession<TTransaction>, operation: string) {
    this.session = session;
    this.#operation = operation;
  }

  get during(): "begin" | "handler" {
    return this.#during;
  }

  /** Gives `work` the clients of the transaction. What fails from now on is no longer the beginning's fault. */
  runHandler<T>(work: (clients: HandlerClients<TTransaction>) => Promise<T>): Promise<T> {
    this.#during = "handler";
    return this.session.runHandler({ operation: this.#operation, afterCommit: this.afterCommit }, work);
  }
}

/**
 * Runs `body` in one transaction of the store, and tells how that ended. The only place that knows what a failed COMMIT
 * may mean, and that extensions of the client may repeat a transaction.
 */
export async function inHandlerTransaction<TTransaction, T>(
  store: Store<TTransaction>,
  { operation, ...opening }: Opening & { readonly operation: string },
  body: (transaction: OpenTransaction<TTransaction>) => Promise<Ending<T>>,
): Promise<TransactionEnd<T>> {
  let transaction: OpenTransaction<TTransaction> | undefined;
  let ended: { readonly value: T; readonly afterCommit: Callbacks } | undefined;
  try {
    const committed = await store.transaction(opening, async (session) => {
      ended = undefined;
      const attempt = new OpenTransaction(session, operation);
      transaction = attempt;
      const { value, ...ending } = await body(attempt);
      ended = { value, afterCommit: attempt.afterCommit };
      return { ...ending, value: ended };
    });
    return { state: "committed", ...committed };
  } catch (error) {
    return ended === undefined || error instanceof NotStoredError || isOrdinaryConflict(store, error)
      ? { state: "rolled back", during: transaction?.during ?? "begin", error }
      : { state: "unknown", ...ended, error };
  }
}

/** Where that is how a transaction learns of another, which was first: it says for certain that nothing was committed. */
function isOrdinaryConflict(store: Store<unknown>, error: unknown): boolean {
  return store.conflictsAtCommit && store.faultOf(error) === "write_conflict";
}
