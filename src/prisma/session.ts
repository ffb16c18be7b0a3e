import {
  type Claim,
  type ClaimParams,
  type CompleteParams,
  type FaultUnder,
  type HandlerClients,
  NotStoredError,
  type RenewParams,
  type RunningHandler,
  type StepParams,
  type StoreSession,
} from "../core/contract/store.ts";
import type { Inserted, Queries } from "../sql/queries.ts";
import type { ClaimMessages } from "./claim-messages.ts";
import type { RawClient } from "./client/client.ts";
import { DriverClient } from "./client/driver.ts";
import type { Savepoint } from "./client/savepoint.ts";
import { EndingError } from "./client/transaction-errors.ts";
import type { HandlerTransaction } from "./handler/handler-transaction.ts";
import { clientIn } from "./handler/joining-client.ts";
import { outsideHandlers } from "./handler/scope.ts";

/** What a session is made of. */
interface SessionParts<TTransaction> {
  readonly transaction: HandlerTransaction;
  /** For the handler. */
  readonly tx: TTransaction;
  /** For our own statements, which bypass the handler's gate. */
  readonly raw: RawClient;
  readonly queries: Queries;
  readonly claim: ClaimParams | undefined;
  /** Before the handler's writes, if they may be undone. */
  readonly savepoint: Savepoint | undefined;
  /** What travels with BEGIN and COMMIT, if anything does. */
  readonly messages: ClaimMessages | undefined;
}

/** Our statements in one transaction of Prisma, and its handler. */
export class PrismaSession<TTransaction> implements StoreSession<TTransaction> {
  readonly #parts: SessionParts<TTransaction>;

  constructor(parts: SessionParts<TTransaction>) {
    this.#parts = parts;
  }

  async claim(): Promise<Claim> {
    const { claim, queries, savepoint } = this.#parts;
    if (claim === undefined) {
      throw new Error("onceonly: this transaction was opened without a claim");
    }
    const inserted = await this.#inserted(claim);
    const claimed = await (inserted === undefined
      ? queries.claim(claim)
      : queries.claimAfter(claim, inserted));
    // One that was set with BEGIN comes before whatever came after the row was not inserted.
    if (claimed.state === "claimed" && inserted?.isInserted !== true) {
      await savepoint?.set();
    }
    return claimed;
  }

  async #inserted(claim: ClaimParams): Promise<Inserted | undefined> {
    const { queries, messages } = this.#parts;
    try {
      return await messages?.inserted(claim);
    } catch (error) {
      throw queries.explained(error);
    }
  }

  async runHandler<T>(
    handler: RunningHandler,
    work: (clients: HandlerClients<TTransaction>) => Promise<T>,
  ): Promise<T> {
    const { transaction, tx } = this.#parts;
    // The claim may have come back when the time was over.
    transaction.throwIfLost();
    const clients = { tx, join: <TClient>(client: TClient) => clientIn(transaction, client) };
    const value = await transaction.runHandler(() => work(clients), handler);
    transaction.throwIfLost();
    return value;
  }

  /**
   * The last of the transaction: stores the outcome, or sees to it that COMMIT does.
   *
   * @throws NotStoredError
   */
  async end(outcome: CompleteParams): Promise<void> {
    const { queries, messages } = this.#parts;
    let isStored: boolean;
    try {
      await this.#throwIfEnded();
      isStored = messages?.endWith(outcome) === true || (await this.#complete(outcome));
    } catch (error) {
      throw new NotStoredError("failed", error);
    }
    if (!isStored) {
      throw new NotStoredError((await queries.holds(outcome)) ? "suppressed" : "lost");
    }
  }

  /** Both are sent before either is answered. */
  async #complete(outcome: CompleteParams): Promise<boolean> {
    const { queries, raw } = this.#parts;
    const confirmed = raw instanceof DriverClient ? raw.confirm() : undefined;
    const [isStored] = await Promise.all([queries.complete(outcome), confirmed]);
    return isStored;
  }

  /** The error for a transaction that has rejected with `error`, perhaps as its COMMIT failed. */
  async errorOfEnd(queries: Queries, error: unknown): Promise<unknown> {
    const { messages } = this.#parts;
    return messages === undefined ? error : messages.errorOfEnd(queries, error);
  }

  renew(params: RenewParams): Promise<boolean> {
    return this.#parts.queries.renew(params);
  }

  async recordStep(params: StepParams): Promise<boolean> {
    await this.#throwIfEnded();
    return this.#parts.queries.recordStep(params);
  }

  holds(params: { readonly id: string; readonly owner: string }): Promise<boolean> {
    return this.#parts.queries.holds(params);
  }

  /** A record must not be stored without the writes that it stands for. */
  async #throwIfEnded(): Promise<void> {
    const { transaction, raw } = this.#parts;
    transaction.throwIfLost();
    if (raw instanceof DriverClient && raw.isOver) {
      // If Prisma has ended the transaction, this fails. If not, the handler has.
      await raw.$executeRawUnsafe("SELECT 1");
      throw new EndingError();
    }
  }

  async faultUnder(error: unknown): Promise<FaultUnder | undefined> {
    const { queries, transaction } = this.#parts;
    const failures = [error, transaction.begun.driver?.failure];
    if (failures.some((failure) => queries.faultOf(failure) === "unavailable") && (await this.#isBroken())) {
      return { fault: "unavailable", error };
    }
    const reason = queries.setUpErrorOf(error);
    return reason && { fault: reason.fault, error: reason };
  }

  async #isBroken(): Promise<boolean> {
    const { raw } = this.#parts;
    try {
      await outsideHandlers(async () => raw.$executeRawUnsafe("SELECT 1"));
      return false;
    } catch {
      return true;
    }
  }

  async whyVanished(): Promise<unknown> {
    const { raw } = this.#parts;
    try {
      await outsideHandlers(async () => (raw instanceof DriverClient ? raw.confirm() : undefined));
      return undefined;
    } catch (error) {
      return error;
    }
  }

  async undo(): Promise<void> {
    await this.#parts.savepoint?.rollBack();
  }
}
