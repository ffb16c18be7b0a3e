import type {
  AbandonedParams,
  AbandonedRecord,
  Claim,
  ClaimParams,
  CompleteParams,
  FinishedRecord,
  GiveBackParams,
  LeaseStore,
  RecordedStep,
  RenewParams,
  StepParams,
} from "../core/store.ts";
import type { RawClient } from "./client.ts";
import type { Dialect } from "./dialect.ts";
import { faultOf, StoreError } from "./errors.ts";
import type { Names } from "./model.ts";
import type { AbandonedRow, RecordRow, Statement, StepRow } from "./statement.ts";

/** Our own statements, on the client, where each commits by itself, or inside a transaction. */
export class Queries implements LeaseStore {
  protected readonly raw: RawClient;
  readonly #dialect: Dialect;
  readonly #names: Names;

  constructor(raw: RawClient, dialect: Dialect, names: Names) {
    this.raw = raw;
    this.#dialect = dialect;
    this.#names = names;
  }

  async claim(params: ClaimParams): Promise<Claim> {
    const row =
      (await this.#first<RecordRow>(this.#dialect.claim(this.#names, params))) ??
      (await this.#first<RecordRow>(this.#dialect.read(this.#names, params.id)));
    if (row === undefined) {
      // Deleted between the two statements, by `prune` or by hand.
      throw new StoreError("write_conflict", "The record vanished during its claim");
    }
    if (row.mine) {
      return { state: "claimed", attempt: Number(row.attempt) };
    }
    if (row.status === "in_progress" && row.leased) {
      return { state: "held", fingerprint: row.fingerprint };
    }
    const record = finishedIn(row);
    if (record === undefined) {
      throw new Error(
        `The idempotency record ${params.id} has status "${row.status}", which no committed one can have`,
      );
    }
    return { state: "finished", record };
  }

  async finished(id: string): Promise<FinishedRecord | undefined> {
    const row = await this.#first<RecordRow>(this.#dialect.read(this.#names, id));
    return row && finishedIn(row);
  }

  async complete(params: CompleteParams): Promise<boolean> {
    return this.#changes(this.#dialect.complete(this.#names, params));
  }

  async renew(params: RenewParams): Promise<boolean> {
    return this.#changes(this.#dialect.renew(this.#names, params));
  }

  async giveBack(params: GiveBackParams): Promise<boolean> {
    return this.#changes(this.#dialect.giveBack(this.#names, params));
  }

  async recordStep(params: StepParams): Promise<boolean> {
    return this.#changes(this.#dialect.recordStep(this.#names, params));
  }

  async steps(id: string): Promise<readonly RecordedStep[]> {
    return this.#rows<StepRow>(this.#dialect.steps(this.#names, id));
  }

  async claimAbandoned(params: AbandonedParams): Promise<AbandonedRecord | undefined> {
    const row = await this.#first<AbandonedRow>(this.#dialect.claimAbandoned(this.#names, params));
    return row && { ...row, attempt: Number(row.attempt) };
  }

  async prune(params: { readonly limit: number }): Promise<number> {
    let pruned = 0;
    for (const { text, values } of this.#dialect.prune(this.#names, params)) {
      pruned = await this.raw.$executeRawUnsafe(text, ...values);
    }
    return pruned;
  }

  /** There is one row to change. MySQL and MariaDB count it twice where an upsert finds it. */
  async #changes({ text, values }: Statement): Promise<boolean> {
    return (await this.#named(() => this.raw.$executeRawUnsafe(text, ...values))) > 0;
  }

  async #first<TRow>(statement: Statement): Promise<TRow | undefined> {
    const rows = await this.#rows<TRow>(statement);
    return rows[0];
  }

  #rows<TRow>({ text, values }: Statement): Promise<TRow[]> {
    return this.#named(() => this.raw.$queryRawUnsafe<TRow[]>(text, ...values));
  }

  /** Says what to do about a missing table. */
  async #named<T>(send: () => PromiseLike<T>): Promise<T> {
    try {
      return await send();
    } catch (cause) {
      if (faultOf(this.#dialect, cause) !== "schema_missing") {
        throw cause;
      }
      const { record, step } = this.#names;
      throw new StoreError(
        "schema_missing",
        `The table ${record.table} is not in the database, or ${step.table} is not: migrate the models ` +
          "IdempotencyRecord and IdempotencyStep, or apply prisma/<provider>/idempotency.sql of the package onceonly.",
        cause,
      );
    }
  }
}

function finishedIn({ status, fingerprint, owner, response }: RecordRow): FinishedRecord | undefined {
  return (status === "completed" || status === "failed") && response !== null
    ? { status, fingerprint, owner, response }
    : undefined;
}
