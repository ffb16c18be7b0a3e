import type { Forgotten } from "../core/contract/upkeep/inspection.ts";
import type {
  FoundRecord,
  ListParams,
  Place,
  PrunedBatch,
  PruneParams,
  RewriteParams,
  StateCount,
  StoredRecord,
  StoredStats,
  UpkeepStore,
} from "../core/contract/upkeep/upkeep-store.ts";
import type { Dialect } from "./dialect/dialect.ts";
import { faultOf } from "./dialect/faults.ts";
import type { Names } from "./dialect/names.ts";
import type {
  InspectedRow,
  InspectedStepRow,
  ListedRow,
  Numeric,
  PlaceRow,
  Pruning,
  RecordFactsRow,
  StateCountRow,
  StatsRow,
  Write,
} from "./dialect/statement.ts";
import { ExplainedSql } from "./explained-sql.ts";
import type { SqlClient } from "./sql-client.ts";

/** Our own statements about records outside of their runs, over whatever sends them. */
export class UpkeepQueries implements UpkeepStore {
  readonly #client: SqlClient;
  readonly #dialect: Dialect;
  readonly #names: Names;

  constructor(client: SqlClient, dialect: Dialect, names: Names) {
    this.#client = new ExplainedSql(client, dialect, names);
    this.#dialect = dialect;
    this.#names = names;
  }

  prune(params: PruneParams): Promise<PrunedBatch> {
    return this.#delete(this.#dialect.upkeep.prune(this.#names, params), params);
  }

  sweep(params: PruneParams): Promise<PrunedBatch> {
    return this.#delete(this.#dialect.upkeep.sweep(this.#names, params), params);
  }

  async #delete(pruning: Pruning, params: PruneParams): Promise<PrunedBatch> {
    if ("writes" in pruning) {
      return batchOf(params, await inTurn(this.#client, pruning.writes));
    }
    return this.#client.inTransaction(async (sql) => {
      const rows = await sql.rowsOf<{ readonly id: string }>(pruning.batch);
      const deleted = rows.length === 0 ? 0 : await inTurn(sql, pruning.writesFor(rows.map(({ id }) => id)));
      // Another node of a cluster may have deleted them first, and there may be more all the same.
      return { deleted, isFull: rows.length >= params.limit };
    });
  }

  async inspect(id: string): Promise<StoredRecord | undefined> {
    const { record, steps } = this.#dialect.upkeep.inspect(this.#names, id);
    const [row] = await this.#client.rowsOf<InspectedRow>(record);
    if (row === undefined) {
      return undefined;
    }
    const recorded = await this.#client.rowsOf<InspectedStepRow>(steps);
    return {
      ...factsOf(row),
      response: row.response,
      input: row.input,
      steps: recorded.map(({ name, response, recordedAtMs }) => ({
        name,
        response,
        recordedAtMs: Number(recordedAtMs),
      })),
    };
  }

  async forget(id: string): Promise<Forgotten> {
    const { record, steps } = this.#dialect.upkeep.forget(this.#names, id);
    const deleting = this.#client.inTransaction(async (sql) => {
      const isDeleted = (await sql.affectedRowsOf(record)) > 0;
      // Whoever claims the key anew waits for the end of this transaction, and so has no steps yet.
      if (isDeleted) {
        await sql.affectedRowsOf(steps);
      }
      return isDeleted;
    });
    try {
      if (await deleting) {
        return "forgotten";
      }
    } catch (error) {
      if (faultOf(this.#dialect, error) === "lock_timeout") {
        return "in_progress";
      }
      throw error;
    }
    return (await this.inspect(id)) === undefined ? "unknown" : "in_progress";
  }

  async rewrite(params: RewriteParams): Promise<boolean> {
    return (await this.#client.affectedRowsOf(this.#dialect.upkeep.rewrite(this.#names, params))) > 0;
  }

  async ids(after: string, limit: number): Promise<readonly string[]> {
    const statement = this.#dialect.upkeep.ids(this.#names, after, limit);
    return (await this.#client.rowsOf<{ readonly id: string }>(statement)).map(({ id }) => id);
  }

  async list(params: ListParams): Promise<readonly FoundRecord[]> {
    const rows = await this.#client.rowsOf<ListedRow>(this.#dialect.upkeep.list(this.#names, params));
    return rows.map((row) => ({ ...factsOf(row), place: { id: row.id, expiresAt: row.expiresAt } }));
  }

  async placeAfter(after: Place | undefined, records: number): Promise<Place | undefined> {
    const statement = this.#dialect.upkeep.placeAfter(this.#names, after, records);
    const [row] = await this.#client.rowsOf<PlaceRow>(statement);
    return row && { id: row.id, expiresAt: row.expiresAt };
  }

  async stats(): Promise<StoredStats> {
    const [row] = await this.#client.rowsOf<StatsRow>(this.#dialect.upkeep.stats(this.#names));
    const { inProgress, abandoned, expired, firstExpiresAtMs, bytes, nowMs } = row as StatsRow;
    return {
      inProgress: Number(inProgress),
      abandoned: Number(abandoned),
      expired: Number(expired),
      firstExpiresAtMs: numberOf(firstExpiresAtMs),
      bytes: numberOf(bytes),
      nowMs: Number(nowMs),
    };
  }

  async count(sinceMs: number | null): Promise<readonly StateCount[]> {
    const statement = this.#dialect.upkeep.count(this.#names, sinceMs);
    const rows = await this.#client.rowsOf<StateCountRow>(statement);
    return rows.map((row) => ({ ...row, records: Number(row.records) }));
  }
}

/** What the last of them affects. */
async function inTurn(sql: SqlClient, writes: readonly Write[]): Promise<number> {
  let affected = 0;
  for (const write of writes) {
    affected = await sql.affectedRowsOf(write);
  }
  return affected;
}

function batchOf({ limit }: PruneParams, deleted: number): PrunedBatch {
  return { deleted, isFull: deleted >= limit };
}

function factsOf(row: RecordFactsRow) {
  const { operation, scope, key, status, owner } = row;
  return {
    operation,
    scope,
    key,
    status,
    owner,
    attempt: Number(row.attempt),
    claimedAtMs: Number(row.claimedAtMs),
    finishedAtMs: numberOf(row.finishedAtMs),
    expiresAtMs: Number(row.expiresAtMs),
    leasedUntilMs: numberOf(row.leasedUntilMs),
    nowMs: Number(row.nowMs),
  };
}

function numberOf(value: Numeric | null): number | null {
  return value === null ? null : Number(value);
}
