import { HandlerMistakeError } from "../client/transaction-errors.ts";

/** A statement came after the handler of its transaction had ended. It was not sent. */
export class TransactionOverError extends Error {
  override readonly name = "TransactionOverError";

  constructor() {
    super(
      "onceonly: this statement was issued after the handler of its transaction had ended, and was not sent. Await " +
        "every statement in the handler. Use afterCommit for work to do after the commit, and start what runs for " +
        "ever outside of handlers.",
    );
  }
}

/** The transaction has ended under its handler. `cause` is the error of the ROLLBACK TO SAVEPOINT. */
export class TransactionLostError extends HandlerMistakeError {
  constructor(cause: unknown) {
    super(
      "onceonly: this transaction is lost: it could not return to the savepoint of a failed transaction inside it. " +
        "Nothing more is sent in it, and nothing of it is committed by the run.",
      { cause },
    );
  }
}

/** A batch elsewhere contains a statement that was made for a transaction that is still open. */
export class ElsewhereError extends TypeError {
  constructor() {
    super(
      "onceonly: a statement that was made in a handler, for its transaction, was given to a $transaction elsewhere. " +
        "Call that $transaction in the handler too, on tx or on a client that withAmbientTransaction returned.",
    );
  }
}

/** A transaction inside a handler is a savepoint, and what replaces `$transaction` would begin another transaction. */
export const ownTransactionError = (): TypeError =>
  new TypeError(
    "onceonly: $transaction of this client is replaced, by an extension or by its class, and cannot be called in a handler: " +
      "the replacement would begin a transaction beside the handler's, and without it what it adds, such as a tenant's " +
      "setting, would be lost. Leave it out, as the handler is in a transaction already; do what it adds in the handler, or in " +
      "a query extension; or call $transaction of tx or of a client without the replacement.",
  );
