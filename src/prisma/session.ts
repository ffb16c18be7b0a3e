import type {
  Claim,
  ClaimParams,
  CompleteParams,
  HandlerClients,
  RunningHandler,
  StepParams,
  StoreSession,
} from "../core/contract/store.ts";
import { Queries } from "../sql/queries.ts";
import type { RawClient } from "./client/client.ts";
import { DriverClient } from "./client/driver.ts";
import { Savepoint } from "./client/savepoint.ts";
import { EndingError } from "./client/transaction-errors.ts";
import type { HandlerTransaction } from "./handler/handler-transaction.ts";
import { clientIn } from "./handler/joining-client.ts";
import { outsideHandlers } from "./handler/scope.ts";

/** Our statements in one transaction of Prisma, and its handler. */
export class PrismaSession<TTransaction> extends Queries implements StoreSession<TTransaction> {
  readonly #transaction: HandlerTransaction;
  readonly #tx: TTransaction;
  readonly #raw: RawClient;
  readonly #longestMs: number;
  /** Before the handler's writes. */
  readonly #savepoint: Savepoint;

  /**
   * `tx` is for the handler. `raw` is for our own statements, which bypass the handler's gate. `longestMs` is how long after
   * its claim the transaction may end.
   */
  constructor(
    transaction: HandlerTransaction,
    tx: TTransaction,
    raw: RawClient,
    longestMs: number,
    queries: ConstructorParameters<typeof Queries>,
  ) {
    super(...queries);
    this.#longestMs = longestMs;
    this.#transaction = transaction;
    this.#tx = tx;
    this.#raw = raw;
    this.#savepoint = new Savepoint(raw);
  }

  async runHandler<T>(
    handler: RunningHandler,
    work: (clients: HandlerClients<TTransaction>) => Promise<T>,
  ): Promise<T> {
    const transaction = this.#transaction;
    // The claim may have come back when the time was over.
    transaction.throwIfLost();
    const clients = { tx: this.#tx, join: <TClient>(client: TClient) => clientIn(transaction, client) };
    const value = await transaction.runHandler(() => work(clients), handler);
    transaction.throwIfLost();
    return value;
  }

  /** Storing the result must change no indexed column, so the claim adds the longest that may pass until then. */
  override async claim(params: ClaimParams): Promise<Claim> {
    return super.claim({ ...params, retentionMs: params.retentionMs + this.#longestMs });
  }

  override async complete(params: CompleteParams): Promise<boolean> {
    await this.#throwIfEnded();
    return super.complete(params);
  }

  override async recordStep(params: StepParams): Promise<boolean> {
    await this.#throwIfEnded();
    return super.recordStep(params);
  }

  /** A record must not be stored without the writes that it stands for. */
  async #throwIfEnded(): Promise<void> {
    this.#transaction.throwIfLost();
    if (this.#raw instanceof DriverClient && this.#raw.isOver) {
      // If Prisma has ended the transaction, this fails. If not, the handler has.
      await this.#raw.$executeRawUnsafe("SELECT 1");
      throw new EndingError();
    }
  }

  async isBroken(): Promise<boolean> {
    try {
      await outsideHandlers(async () => this.#raw.$executeRawUnsafe("SELECT 1"));
      return false;
    } catch {
      return true;
    }
  }

  async savepoint(): Promise<void> {
    await this.#savepoint.set();
  }

  async rollbackToSavepoint(): Promise<void> {
    await this.#savepoint.rollBack();
  }
}
