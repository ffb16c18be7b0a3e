import { type ClaimParams, type CompleteParams, NotStoredError } from "../core/contract/store.ts";
import type { MessageStatements } from "../sql/dialect/capabilities.ts";
import type { Dialect } from "../sql/dialect/dialect.ts";
import type { Names } from "../sql/dialect/names.ts";
import { type Quote, withLiterals } from "../sql/literal.ts";
import { type Inserted, isFree, type Queries } from "../sql/queries.ts";
import { type DatabaseError, isOfDatabase } from "./client/driver-answers.ts";
import { savepointName, settingOf } from "./client/savepoint.ts";
import type { SharedMessages } from "./client/shared-messages.ts";

/** The claim that travels with BEGIN, and the outcome that travels with COMMIT. */
export class ClaimMessages {
  readonly #messages: SharedMessages;
  readonly #dialect: Dialect;
  readonly #statements: MessageStatements;
  readonly #names: Names;

  constructor(messages: SharedMessages, dialect: Dialect, statements: MessageStatements, names: Names) {
    this.#messages = messages;
    this.#dialect = dialect;
    this.#statements = statements;
    this.#names = names;
  }

  /**
   * What came of the claim; `undefined` if it did not travel. If there is a row that is finished or held, the transaction has
   * ended, as nothing is left to do in it.
   *
   * @throws what the database answered.
   */
  async inserted(claim: ClaimParams): Promise<Inserted | undefined> {
    const { beginError, results, quote } = this.#messages;
    if (beginError !== undefined) {
      throw this.#statements.errorOf(beginError);
    }
    if (results === undefined) {
      return undefined;
    }
    if ((results[0]?.rowCount ?? 0) > 0) {
      return { isInserted: true };
    }
    const read = withLiterals(this.#dialect.read(this.#names, claim), quote) as string;
    const [row] = await this.#explained(this.#messages.endReading(read));
    const found = row && this.#statements.rowOf(row);
    if (isFree(found)) {
      await this.#explained(this.#messages.beginAgain());
    }
    return { isInserted: false, found };
  }

  /** `sent`, whose error is what the adapter would make of the database's. */
  async #explained<T>(sent: Promise<T>): Promise<T> {
    return sent.catch((error: unknown) => {
      throw isOfDatabase(error) ? this.#statements.errorOf(error) : error;
    });
  }

  /** Whether the outcome will be stored with COMMIT: not if a value of it cannot be written as a literal. */
  endWith(outcome: CompleteParams): boolean {
    const { quote, results } = this.#messages;
    if (results === undefined) {
      return false;
    }
    const statement = withLiterals(this.#statements.completeOrFail(this.#names, outcome), quote);
    if (statement === undefined) {
      return false;
    }
    this.#messages.endWith(statement);
    return true;
  }

  /** The error for a transaction that has rejected with `error`, perhaps as its COMMIT failed. */
  async errorOfEnd(queries: Queries, error: unknown): Promise<unknown> {
    const { endError } = this.#messages;
    if (endError === undefined) {
      return error;
    }
    if (this.#statements.isNotStored(endError.message)) {
      // The transaction that could have said is gone.
      return new NotStoredError((await queries.hasHurdles().catch(() => false)) ? "suppressed" : "lost");
    }
    return isOfOutcome(this.#dialect, endError)
      ? new NotStoredError("failed", queries.explained(error))
      : error;
  }
}

/** Whether an error is that of our statement, and not that of COMMIT, such as that of a deferred constraint. */
function isOfOutcome(dialect: Dialect, { code, message, where }: DatabaseError): boolean {
  // What the function of a trigger raises has a context. At COMMIT run those of the application that are deferred.
  if (where !== undefined) {
    return false;
  }
  switch (dialect.faultOfCode(code, message)) {
    case "transaction_aborted":
    case "read_only":
    case "misconfigured":
      return true;
    default:
      // Not supported (a rule that rewrites it), a value that cannot be stored, not executable.
      return /^(?:0A|22|42)/.test(code);
  }
}

/** The statements that follow BEGIN. */
export function followersOf(
  dialect: Dialect,
  names: Names,
  claim: ClaimParams,
  isUndoable: boolean,
): (quote: Quote) => readonly string[] | undefined {
  return (quote) => {
    const insert = withLiterals(dialect.insert(names, claim), quote);
    return insert === undefined ? undefined : [insert, ...(isUndoable ? [settingOf(savepointName(0))] : [])];
  };
}
