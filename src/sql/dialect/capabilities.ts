import type { CompleteParams } from "../../core/contract/store.ts";
import type { Names } from "./names.ts";
import type { ReadRow, Write } from "./statement.ts";

/**
 * What a database and its drivers can do, beside the statements that they take. Who is not in this folder asks for this, and
 * never which database it is.
 */
export interface Capabilities {
  /** For drivers that take several statements as one message; `undefined` where the database or its drivers take none. */
  readonly message?: MessageStatements;
  /** Whether a write outside a transaction is committed once it is answered. If not, each of ours gets a transaction. */
  readonly commitsByItself: boolean;
  /** Prisma's name for the isolation level that every transaction has at least, whatever the server's default. */
  readonly weakestIsolation: string;
  /** How long BEGIN may wait, in milliseconds, unless the application says; `undefined` for Prisma's default. */
  readonly maxWaitMs: number | undefined;
  /**
   * Whether transactions that change the same rows may run side by side, until COMMIT tells all but one of them; `"ask"` where some
   * servers are nodes of such a cluster and others are not.
   */
  readonly conflictsAtCommit: boolean | "ask";
  /**
   * Whether a statement in the text ends the transaction. No text passes that really does; one of which that cannot be told
   * counts as one that does.
   */
  readonly endsTransaction: (sql: string) => boolean;
  /**
   * Where a transaction can be over without anybody having ended it, after which each statement would commit by itself.
   * `undefined` where a transaction that has failed takes no statement until its end.
   */
  readonly vanishing?: VanishingTransactions;
}

/** How it shows that a transaction is over. */
export interface VanishingTransactions {
  /** Whether an error with this code has rolled the transaction back. */
  isRolledBackBy(code: number): boolean;
  /**
   * Why BEGIN failed, where its error says something else: it may wait for what the other nodes of a cluster have committed, and in
   * vain. Takes what the driver adapter throws.
   */
  errorOfBegin(error: unknown): unknown;
}

/** What takes the place of other statements where several travel as one message, in which each sees what those before it did. */
export interface MessageStatements {
  /** A row of `read`, from the database's texts. */
  rowOf(row: Readonly<Record<string, string | null>>): ReadRow;
  /** As `complete`, but fails if it stores nothing, so that what follows in its message is not executed. */
  completeOrFail(names: Names, params: CompleteParams): Write;
  /** Whether a message is that of the error with which `completeOrFail` says that it has stored nothing. */
  isNotStored(message: string): boolean;
  /** What the driver adapter makes of an error that the database has answered with. */
  errorOf(answer: { readonly code: string; readonly message: string }): Error;
}
