/** The handler has done to its transaction what it must not do. Nothing of the transaction is committed. */
export abstract class HandlerMistakeError extends TypeError {}

/** A handler would end its transaction itself. What it writes afterwards would be committed whatever becomes of the run. */
export class EndingError extends HandlerMistakeError {
  constructor() {
    super(
      "onceonly: the handler has tried to end its transaction itself, in raw SQL. That statement was not sent, nothing " +
        "more is sent in this transaction, and nothing of it is committed. COMMIT and ROLLBACK are the run's: return to " +
        "commit, throw to roll back; a $transaction inside the handler rolls back a part. If the text ends nothing, its " +
        "quotes do not tell: send one statement at a time, and strings, backslashes and backticks as parameters. On MariaDB, DDL " +
        "such as ALTER or TRUNCATE, and LOCK TABLES, commit by themselves: keep them out of handlers.",
    );
  }
}

/** A statement came when COMMIT or ROLLBACK had been sent. Carries the code of Prisma's own error for that. */
export class EndedTransactionError extends Error {
  readonly code = "P2028";

  constructor() {
    super("Transaction already closed: a statement came after its end, and was not sent.");
  }
}

/** A statement has ended its transaction, and was sent, as its text does not tell. `text` is that of the statement. */
export class VanishedTransactionError extends HandlerMistakeError {
  constructor(text: string) {
    const [words = ""] = /^\s*\w+(?:\s+\w+)?/.exec(text) ?? [];
    super(
      `onceonly: the transaction of the handler was over after a statement that begins with "${words.trim()}", which has ended it: ` +
        "a procedure that commits, or that defines tables. What came before it may be committed, and the run is not: the next " +
        "attempt executes the handler again. Nothing more is sent in this transaction. Leave such statements out of handlers.",
    );
  }
}
