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
  StoreFault,
} from "../core/contract/store.ts";
import type { Dialect } from "./dialect/dialect.ts";
import { causeOf, faultOf, setUpErrorOf } from "./dialect/faults.ts";
import { inVain } from "./dialect/in-vain.ts";
import type { Names } from "./dialect/names.ts";
import type {
  AbandonedRow,
  FinishedRow,
  ReadParams,
  ReadRow,
  RecordRow,
  Statement,
  StepRow,
  Write,
} from "./dialect/statement.ts";
import { StoreError } from "./dialect/store-error.ts";
import { ExplainedSql } from "./explained-sql.ts";
import type { SqlClient } from "./sql-client.ts";

/** A record may be deleted by `prune` or by hand, or expire, between a claim and a look at what was in its way; not for ever. */
const CLAIMS_MAX = 5;

/** What `insert` has done, and the row that is in its way, if there still is one. */
export interface Inserted {
  readonly isInserted: boolean;
  readonly found?: ReadRow | undefined;
}

/** Whether a claim may take the row over that is in its way, or there is none any more. */
export const isFree = (
  found: ReadRow | undefined,
): found is undefined | (ReadRow & { readonly free: true }) => found === undefined || Boolean(found.free);

/** Our own statements, over whatever sends them. */
export class Queries implements LeaseStore {
  readonly #client: ExplainedSql;
  readonly #dialect: Dialect;
  readonly #names: Names;

  constructor(client: SqlClient, dialect: Dialect, names: Names) {
    this.#client = new ExplainedSql(client, dialect, names);
    this.#dialect = dialect;
    this.#names = names;
  }

  async claim(params: ClaimParams): Promise<Claim> {
    if (params.leaseMs === null) {
      return this.claimAfter(params, await this.#insert(params));
    }
    // A lease is polled, and must be looked at without waiting for a step that has locked its row.
    const found = this.#dialect.claimLocks ? await this.#read(params) : undefined;
    return isFree(found) ? this.#takeOver(params) : claimIn(found, params);
  }

  /** The claim whose row an `insert` has inserted, or has found in its way. */
  async claimAfter(params: ClaimParams, { isInserted, found }: Inserted): Promise<Claim> {
    if (isInserted) {
      return { state: "claimed", attempt: 1 };
    }
    return isFree(found) ? this.#takeOver(params, found) : claimIn(found, params);
  }

  /** Whether anything keeps the writes of the application from the rows of the record's table. */
  async hasHurdles(): Promise<boolean> {
    const { table } = this.#names.record;
    return (await this.#rows(this.#dialect.hurdlesOf(table))).length > 0;
  }

  async #insert(params: ClaimParams): Promise<Inserted> {
    const insertion = this.#dialect.insert(this.#names, params);
    if (insertion.returnsRow === true) {
      const found = await this.#first<ReadRow>(insertion);
      return found?.mine ? { isInserted: true } : { isInserted: false, found };
    }
    return (await this.#affectsRow(insertion))
      ? { isInserted: true }
      : { isInserted: false, found: await this.#read(params) };
  }

  #read(params: ReadParams): Promise<ReadRow | undefined> {
    return this.#withoutLock(this.#first<ReadRow>(this.#dialect.read(this.#names, params)));
  }

  async #takeOver(params: ClaimParams, before?: ReadRow): Promise<Claim> {
    let found = before;
    for (let turn = 0; turn < CLAIMS_MAX; turn += 1) {
      const claimed = await this.#first<RecordRow>(this.#dialect.claim(this.#names, params));
      if (claimed !== undefined) {
        return claimIn(claimed, params, found);
      }
      found = await this.#read(params);
      if (found !== undefined && !found.free) {
        return claimIn(found, params);
      }
    }
    const { table } = this.#names.record;
    throw new StoreError(
      "misconfigured",
      `The database accepts the row of a claim in ${table}, and does not keep it: a trigger or a policy of row-level security ` +
        "suppresses the write, or hides the row. Exempt the table from it.",
    );
  }

  async outcomeOf(id: string): Promise<FinishedRecord | undefined> {
    const row = await this.#read({ id, fingerprint: "" });
    return row && finishedIn(row);
  }

  /** Those of `ids` that a claim would replay now. */
  async replayableAmong(ids: readonly string[]): Promise<ReadonlyMap<string, FinishedRecord>> {
    const rows = await this.#rows<FinishedRow>(this.#dialect.replayable(this.#names, ids));
    return new Map(rows.map(({ id, ...record }) => [id, record]));
  }

  async holds({ id, owner }: { readonly id: string; readonly owner: string }): Promise<boolean> {
    const row = await this.#read({ id, fingerprint: "" });
    return row?.status === "in_progress" && row.owner === owner;
  }

  async complete(params: CompleteParams): Promise<boolean> {
    return this.#affectsRow(this.#dialect.complete(this.#names, params));
  }

  async renew(params: RenewParams): Promise<boolean> {
    return this.#affectsRow(this.#dialect.renew(this.#names, params));
  }

  async giveBack(params: GiveBackParams): Promise<boolean> {
    return this.#affectsRow(this.#dialect.giveBack(this.#names, params));
  }

  async recordStep(params: StepParams): Promise<boolean> {
    return this.#affectsRow(this.#dialect.recordStep(this.#names, params));
  }

  async steps(id: string): Promise<readonly RecordedStep[]> {
    return this.#withoutLock(this.#rows<StepRow>(this.#dialect.steps(this.#names, id)));
  }

  async claimAbandoned(params: AbandonedParams): Promise<AbandonedRecord | undefined> {
    const row = await this.#first<AbandonedRow>(this.#dialect.claimAbandoned(this.#names, params));
    return row && { ...row, attempt: Number(row.attempt) };
  }

  /** Such a statement changes one row at most. MySQL and MariaDB count it twice if an upsert finds it. */
  async #affectsRow(statement: Write): Promise<boolean> {
    return (await this.#client.affectedRowsOf(statement)) > 0;
  }

  async #first<TRow>(statement: Statement): Promise<TRow | undefined> {
    const rows = await this.#rows<TRow>(statement);
    return rows[0];
  }

  #rows<TRow>(statement: Statement): Promise<TRow[]> {
    return this.#client.rowsOf<TRow>(statement);
  }

  /** A read waits for no lock, but on a node of a cluster for what others have committed: if that is in vain, they are not there. */
  async #withoutLock<T>(sent: Promise<T>): Promise<T> {
    return sent.catch((error: unknown) => {
      throw inVain(this.#dialect, error) ?? error;
    });
  }

  faultOf(error: unknown): StoreFault | undefined {
    return faultOf(this.#dialect, error);
  }

  /** What the error that a handler threw says of the set-up. */
  setUpErrorOf(error: unknown): StoreError | undefined {
    return setUpErrorOf(this.#dialect, error) ?? setUpErrorOf(this.#dialect, causeOf(error));
  }

  explained(error: unknown): unknown {
    return this.#client.explained(error);
  }
}

/** `before` is the row as it was before this claim, if that is known. */
function claimIn(row: RecordRow, { id }: ClaimParams, before?: RecordRow): Claim {
  if (row.mine) {
    const attempt = Number(row.attempt);
    // An expired record is begun anew, whatever it is.
    const isByHandler = before?.status === "in_progress" && !before.leased && attempt > 1;
    return { state: "claimed", attempt, ...(isByHandler && { committedByHandler: true }) };
  }
  // Without a lease, it was left behind with another input: with the same, the claim would have taken it over.
  if (row.status === "in_progress") {
    return { state: "held", fingerprint: row.fingerprint };
  }
  const record = finishedIn(row);
  if (record === undefined) {
    throw new Error(
      `The idempotency record ${id} has status "${row.status}", which no committed one can have`,
    );
  }
  return { state: "finished", record };
}

function finishedIn({ status, fingerprint, owner, response }: RecordRow): FinishedRecord | undefined {
  return (status === "completed" || status === "failed") && response !== null
    ? { status, fingerprint, owner, response }
    : undefined;
}
