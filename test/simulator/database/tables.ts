/** Rows as they are committed. */

/** What the database answers when a statement fails. */
export class DatabaseError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export interface RecordRow {
  readonly kind: "record";
  readonly id: string;
  readonly scope: string;
  readonly operation: string;
  readonly key: string;
  readonly fingerprint: string;
  readonly owner: string;
  readonly status: "in_progress" | "completed" | "failed";
  readonly attempt: number;
  readonly createdAt: number;
  readonly lockedUntil: number | null;
  readonly response: string | null;
  readonly input: string | null;
  readonly completedAt: number | null;
  readonly expiresAt: number;
  /** What the judge goes by, whatever the statement said: until when the lease is valid, by the database's clock. */
  readonly isLeased: boolean;
  readonly leaseEnd: number;
  /** When the claim was made that `owner` holds, by the same clock. */
  readonly claimedAt: number;
  /** For whom it was changed last. */
  readonly by: string;
}

export interface StepRow {
  readonly kind: "step";
  readonly recordId: string;
  readonly name: string;
  readonly recordCreatedAt: number;
  readonly response: string;
  /** Whose statement it was. */
  readonly by: string;
}

/** What a handler has written. */
export interface EffectRow {
  readonly kind: "effect";
  readonly execution: number;
  readonly recordId: string;
  /** The step of a leased run. */
  readonly step: string | null;
}

export interface AccountRow {
  readonly kind: "account";
  readonly balance: number;
}

export type Row = RecordRow | StepRow | EffectRow | AccountRow;

export const recordKey = (id: string) => `record ${id}`;
export const stepKey = (id: string, name: string) => `step ${id} ${name}`;

export class Tables {
  readonly #rows = new Map<string, Row>();
  /** By row, the number of the commit that has changed it last. */
  readonly #versions = new Map<string, number>();
  #commits = 0;

  get(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  versionOf(key: string): number {
    return this.#versions.get(key) ?? 0;
  }

  entries(): Iterable<[string, Row]> {
    return this.#rows;
  }

  commit(writes: ReadonlyMap<string, Row | undefined>): void {
    this.#commits += 1;
    for (const [key, row] of writes) {
      if (row === undefined) this.#rows.delete(key);
      else this.#rows.set(key, row);
      this.#versions.set(key, this.#commits);
    }
  }
}
