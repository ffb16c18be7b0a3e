import { randomBytes, randomUUID } from "node:crypto";
import type { Claim, ClaimParams } from "../../core/contract/store.ts";
import type { Dialect } from "../dialect/dialect.ts";
import type { Names } from "../dialect/names.ts";
import type { AbandonedRow, FinishedRow, ReadRow, Statement } from "../dialect/statement.ts";
import { StoreError } from "../dialect/store-error.ts";
import { Queries } from "../queries.ts";
import type { SqlClient } from "../sql-client.ts";
import type { TrialTexts } from "./texts.ts";

/** What is wrong with a table, and by which of its columns that shows. */
export type Symptom =
  /** What is written to the column does not come back as it was. */
  | { readonly kind: "changed"; readonly table: Table; readonly field: string }
  /** A time in the column is over before it should be. */
  | { readonly kind: "lapsed"; readonly table: Table; readonly field: string }
  /** Two texts of the column are taken for one. */
  | { readonly kind: "merged"; readonly table: Table; readonly field: string }
  /** Records of different ids are taken for one. */
  | { readonly kind: "shared"; readonly table: Table }
  /** A row outlives its DELETE. */
  | { readonly kind: "undeleted"; readonly table: Table };

export type Table = keyof Names;

const LEASE_MS = 60_000;
const RETENTION_MS = 3 * LEASE_MS;

/**
 * Does with records of its own what runs do, by the statements that runs send, and reads back what it has written. Belongs into a
 * transaction that is rolled back.
 */
export class Trial {
  /** Which table the statement under way is about, for its error. */
  table: Table = "record";
  /** Whether only `prune` needs the statement under way. */
  isDeleting = false;
  readonly #sql: SqlClient;
  readonly #dialect: Dialect;
  readonly #names: Names;
  readonly #queries: Queries;
  readonly #texts: TrialTexts;
  readonly #fingerprint = randomId();

  constructor(sql: SqlClient, dialect: Dialect, names: Names, texts: TrialTexts) {
    this.#sql = sql;
    this.#dialect = dialect;
    this.#names = names;
    this.#queries = new Queries(sql, dialect, names);
    this.#texts = texts;
  }

  /** The first symptoms that show. */
  async run(): Promise<readonly Symptom[]> {
    const first = this.#claimOf({});
    const parts = [() => this.#finish(first), () => this.#claimOthers(), () => this.#lease()];
    for (const part of parts) {
      const symptoms = await part();
      if (symptoms.length > 0) {
        return symptoms;
      }
    }
    return [];
  }

  /** As a run in one transaction. */
  async #finish(claim: ClaimParams): Promise<readonly Symptom[]> {
    const { id, owner, fingerprint } = claim;
    const { response } = this.#texts;
    const claimed = await this.#queries.claim(claim);
    if (claimed.state !== "claimed") {
      return [SHARED];
    }
    const outcome = { status: "completed", response } as const;
    this.#kept(await this.#queries.complete({ ...outcome, id, owner, retentionMs: null }));
    const row = this.#kept(await this.#first<ReadRow>(this.#dialect.read(this.#names, claim)));
    const read = { ...row, attempt: Number(row.attempt) };
    const changed = changedIn("record", read, { ...outcome, owner, fingerprint, attempt: 1 });
    if (changed.length > 0) {
      return changed;
    }
    const finished = await this.#first<FinishedRow>(this.#dialect.replayable(this.#names, [id]));
    const again = await this.#queries.claim({ ...claim, owner: randomUUID() });
    return finished === undefined || again.state !== "finished"
      ? [lapsed("expiresAt")]
      : changedIn("record", finished, { id });
  }

  /** Others that have all but one part of their names in common with the first. */
  async #claimOthers(): Promise<readonly Symptom[]> {
    const { scope, operation } = this.#texts;
    for (const part of [{ scope: other(scope) }, { operation: other(operation) }]) {
      const { state } = await this.#queries.claim(this.#claimOf(part));
      if (state !== "claimed") {
        return [SHARED];
      }
    }
    return [];
  }

  /** As a leased run, left behind and completed by a completer; then deleted, as by `prune`. */
  async #lease(): Promise<readonly Symptom[]> {
    const { key, input } = this.#texts;
    const claim = { ...this.#claimOf({ key: other(key) }), leaseMs: LEASE_MS, input };
    const { id, owner } = claim;
    const { state } = await this.#queries.claim(claim);
    if (state !== "claimed") {
      return [SHARED];
    }
    const rival: Claim = await this.#queries.claim({ ...claim, owner: randomUUID() });
    if (rival.state === "claimed") {
      return [lapsed("lockedUntil")];
    }
    const times = { leaseMs: LEASE_MS, retentionMs: RETENTION_MS };
    this.#kept(await this.#queries.renew({ id, owner, ...times }));
    const symptoms = await this.#recordSteps(claim);
    if (symptoms.length > 0) {
      return symptoms;
    }
    // In the past, also for a clock that stands still in a transaction.
    this.#kept(await this.#queries.giveBack({ id, owner, delayMs: -LEASE_MS, retentionMs: RETENTION_MS }));
    return (await this.#completeAbandoned(claim)) ?? this.#delete(id);
  }

  async #recordSteps({ id, owner }: ClaimParams): Promise<readonly Symptom[]> {
    const { steps: names, response } = this.#texts;
    this.table = "step";
    for (const name of names) {
      this.#kept(await this.#queries.recordStep({ id, owner, name, response }));
    }
    const steps = await this.#queries.steps(id);
    this.table = "record";
    if (steps.length === 0) {
      return [{ kind: "changed", table: "step", field: "recordCreatedAt" }];
    }
    if (steps.length < new Set(names).size) {
      return [{ kind: "merged", table: "step", field: "name" }];
    }
    const hasName = steps.every(({ name }) => names.includes(name));
    return [
      ...(hasName ? [] : [{ kind: "changed", table: "step", field: "name" } as const]),
      ...steps.slice(0, 1).flatMap((step) => changedIn("step", step, { response })),
    ];
  }

  async #completeAbandoned(claim: ClaimParams): Promise<readonly Symptom[] | undefined> {
    const { id, scope, operation, key, fingerprint, input } = claim;
    const { response } = this.#texts;
    const owner = randomUUID();
    const params = { operations: [operation], owner, leaseMs: LEASE_MS, retentionMs: RETENTION_MS };
    const row = await this.#first<AbandonedRow>(this.#dialect.claimAbandoned(this.#names, params));
    if (row === undefined) {
      return [lapsed("lockedUntil")];
    }
    const changed = changedIn("record", row, { id, scope, operation, key, fingerprint, input });
    const outcome = { status: "failed", response } as const;
    this.#kept(await this.#queries.complete({ ...outcome, id, owner, retentionMs: RETENTION_MS }));
    return changed.length === 0 ? undefined : changed;
  }

  /** The statements of `prune` would find records of others. */
  async #delete(id: string): Promise<readonly Symptom[]> {
    const { record, step } = this.#names;
    this.isDeleting = true;
    for (const [table, { table: name }, column] of [
      ["step", step, step.columns.recordId],
      ["record", record, record.columns.id],
    ] as const) {
      this.table = table;
      const text = `DELETE FROM ${name} WHERE ${column} = '${id}'`;
      if ((await this.#sql.affectedRowsOf({ text, values: [] })) === 0) {
        return [{ kind: "undeleted", table }];
      }
    }
    return [];
  }

  /** @throws StoreError for a write that was answered and has no effect. */
  #kept<T>(answer: T): NonNullable<T> {
    if (answer === false || answer === undefined || answer === null) {
      throw new StoreError(
        "misconfigured",
        "The database accepts a write, and does not keep it: a trigger or a policy of row-level security suppresses the write, or " +
          "hides the row. Exempt the table from it.",
      );
    }
    return answer;
  }

  async #first<TRow>(statement: Statement): Promise<TRow | undefined> {
    const rows = await this.#sql.rowsOf<TRow>(statement);
    return rows[0];
  }

  #claimOf(parts: Partial<Pick<ClaimParams, "scope" | "operation" | "key">>): ClaimParams {
    const { scope, operation, key } = this.#texts;
    return {
      scope,
      operation,
      key,
      ...parts,
      id: randomId(),
      fingerprint: this.#fingerprint,
      owner: randomUUID(),
      lockWaitMs: 1_000,
      retentionMs: RETENTION_MS,
      leaseMs: null,
      input: null,
    };
  }
}

const SHARED: Symptom = { kind: "shared", table: "record" };
const lapsed = (field: string): Symptom => ({ kind: "lapsed", table: "record", field });

/** As long as SHA-256 in base64url, which ids and fingerprints are. */
const randomId = () => randomBytes(32).toString("base64url");

/** Another text of the same length, which a number would differ by too. */
const other = (text: string) => `1${text.slice(1)}`;

/** The fields of a row that are not as they were written. */
function changedIn(table: Table, row: object, written: Readonly<Record<string, unknown>>): Symptom[] {
  return Object.entries(written)
    .filter(([field, value]) => Reflect.get(row, field) !== value)
    .map(([field]) => ({ kind: "changed", table, field }));
}
