/* oxlint-disable require-yield -- those that wait for no lock */
/**
 * What each statement of `../program/dialect.ts` does, as the SQL of PostgreSQL does it under READ COMMITTED: it looks at what is committed,
 * waits for the lock of the row that it changes, and looks again. On a cluster nobody waits.
 */
import type {
  AbandonedParams,
  ClaimParams,
  CompleteParams,
  GiveBackParams,
  RenewParams,
  StepParams,
} from "../../../src/core/contract/store.ts";
import type { Result } from "./network.ts";
import {
  type AccountRow,
  DatabaseError,
  type RecordRow,
  recordKey,
  type StepRow,
  stepKey,
} from "./tables.ts";
import type { Transaction } from "./transaction.ts";

/** A lock that a statement waits for. */
interface LockRequest {
  readonly row: string;
  readonly mode: "exclusive" | "shared";
  /** 0: without limit. */
  readonly limitMs: number;
}

/** What a statement asks its server. */
export interface Context {
  readonly transaction: Transaction;
  /** The database's clock, in milliseconds. */
  now(): number;
  /** Whether nodes lock for themselves alone. */
  readonly isCluster: boolean;
  isLockFree(row: string): boolean;
  unlock(row: string): void;
}

/** What faults add to the parameters of statements (`../check/faults.ts`). */
interface Faulty {
  /** The clock of the host, in place of the database's. */
  readonly hostNow?: number;
  /** Without a look at the owner. */
  readonly isAnybodys?: true;
  /** Without a look at the lease. */
  readonly isBlind?: true;
}

type Operation = (context: Context, params: never) => Generator<LockRequest, Result, void>;

const count = (rowCount: number): Result => ({ rowCount, rows: [] });
const rowsOf = (rows: Result["rows"]): Result => ({ rowCount: rows.length, rows });

const record = ({ transaction }: Context, id: string) =>
  transaction.get(recordKey(id)) as RecordRow | undefined;

const isHeld = (row: RecordRow | undefined, owner: string, { isAnybodys }: Faulty = {}): row is RecordRow =>
  row !== undefined && (row.owner === owner || isAnybodys === true) && row.status === "in_progress";

/** As `whereFree` of the dialects. */
function isFree(row: RecordRow, fingerprint: string, now: number, { isBlind }: Faulty = {}): boolean {
  const isUnleased =
    isBlind === true || row.lockedUntil === null || row.lockedUntil <= now || row.owner === "";
  const isLeftBehind = row.status === "in_progress" && row.fingerprint === fingerprint;
  return isUnleased && (row.expiresAt <= now || isLeftBehind);
}

const shown = (row: RecordRow, mine: boolean) => ({
  mine,
  attempt: row.attempt,
  status: row.status,
  fingerprint: row.fingerprint,
  owner: row.owner,
  response: row.response,
  leased: row.lockedUntil !== null,
});

function claimed(params: ClaimParams, now: number, before?: RecordRow): RecordRow {
  const { id, scope, operation, key, fingerprint, owner, retentionMs, leaseMs, input } = params;
  const isNew = before === undefined || before.expiresAt <= now;
  return {
    kind: "record",
    id,
    scope,
    operation,
    key,
    fingerprint,
    owner,
    input,
    status: "in_progress",
    attempt: isNew ? 1 : before.attempt + 1,
    createdAt: isNew ? now : before.createdAt,
    lockedUntil: leaseMs === null ? null : now + leaseMs,
    response: null,
    completedAt: null,
    expiresAt: now + retentionMs + (leaseMs ?? 0),
    isLeased: leaseMs !== null,
    leaseEnd: now + (leaseMs ?? 0),
    claimedAt: now,
    by: owner,
  };
}

/** Waits for an exclusive lock. */
function* locking(context: Context, row: string, limitMs = 0): Generator<LockRequest, void, void> {
  if (!context.isCluster) yield { row, mode: "exclusive", limitMs };
}

/** Changes the row that `owner` holds. */
function* change(
  context: Context,
  params: Faulty & { readonly id: string; readonly owner: string },
  changed: (row: RecordRow, now: number) => RecordRow,
): Generator<LockRequest, Result, void> {
  const { id, owner } = params;
  if (!isHeld(record(context, id), owner, params)) return count(0);
  const now = context.now();
  yield* locking(context, recordKey(id));
  const row = record(context, id);
  if (!isHeld(row, owner, params)) return count(0);
  context.transaction.set(recordKey(id), { ...changed(row, now), by: owner });
  return count(1);
}

function* complete(context: Context, params: CompleteParams): Generator<LockRequest, Result, void> {
  const { status, response, retentionMs } = params;
  return yield* change(context, params, (row, now) => ({
    ...row,
    status,
    response,
    completedAt: now,
    lockedUntil: null,
    ...(retentionMs !== null && { expiresAt: now + retentionMs }),
  }));
}

export const operations: Readonly<Record<string, Operation>> = {
  *insert(context, params: ClaimParams) {
    const { transaction } = context;
    const key = recordKey(params.id);
    const now = context.now();
    const isLocked = transaction.locked.has(key);
    yield* locking(context, key, params.lockWaitMs);
    if (transaction.get(key) !== undefined) {
      if (!isLocked) context.unlock(key);
      return count(0);
    }
    transaction.set(key, claimed(params, now));
    return count(1);
  },

  *claim(context, params: ClaimParams & Faulty) {
    const { transaction } = context;
    const key = recordKey(params.id);
    const existing = record(context, params.id);
    const clock = () => params.hostNow ?? context.now();
    if (existing !== undefined && !isFree(existing, params.fingerprint, clock(), params)) {
      return rowsOf([shown(existing, false)]);
    }
    const now = context.now();
    yield* locking(context, key, params.lockWaitMs);
    const row = record(context, params.id);
    if (row !== undefined && !isFree(row, params.fingerprint, clock(), params)) {
      return rowsOf(context.isCluster ? [shown(row, false)] : []);
    }
    const mine = claimed(params, now, row);
    transaction.set(key, mine);
    return rowsOf([shown(mine, true)]);
  },

  *read(context, { id, fingerprint }: { readonly id: string; readonly fingerprint: string }) {
    const row = record(context, id);
    return rowsOf(
      row === undefined ? [] : [{ ...shown(row, false), free: isFree(row, fingerprint, context.now()) }],
    );
  },

  *replayable(context, { ids }: { readonly ids: readonly string[] }) {
    const found = ids.map((id) => record(context, id));
    return rowsOf(
      found
        .filter((row) => row !== undefined)
        .filter(({ status, expiresAt }) => status !== "in_progress" && expiresAt > context.now())
        .map(({ id, status, fingerprint, owner, response }) => ({
          id,
          status,
          fingerprint,
          owner,
          response,
        })),
    );
  },

  complete,

  *completeOrFail(context, params: CompleteParams) {
    const stored = yield* complete(context, params);
    if (stored.rowCount === 1) return count(1);
    throw new DatabaseError("22P02", 'invalid input syntax for type integer: "onceonly: not stored 0"');
  },

  renew: (context, params: RenewParams & Faulty) =>
    change(context, params, (row, now) => ({
      ...row,
      lockedUntil: (params.hostNow ?? now) + params.leaseMs,
      expiresAt: now + params.leaseMs + params.retentionMs,
      leaseEnd: now + params.leaseMs,
    })),

  giveBack: (context, params: GiveBackParams) =>
    change(context, params, (row, now) => ({
      ...row,
      owner: "",
      lockedUntil: now + params.delayMs,
      expiresAt: now + params.delayMs + params.retentionMs,
    })),

  touch: (context, params: { readonly id: string; readonly owner: string }) =>
    change(context, params, (row) => ({ ...row, lockedUntil: (row.lockedUntil ?? 0) + 1 })),

  *recordStep(context, params: StepParams & Faulty) {
    const { id, owner, name, response } = params;
    if (!isHeld(record(context, id), owner, params)) return count(0);
    if (!context.isCluster) yield { row: recordKey(id), mode: "shared", limitMs: 0 };
    const row = record(context, id);
    if (!isHeld(row, owner, params)) return count(0);
    const key = stepKey(id, name);
    yield* locking(context, key);
    const step: StepRow = {
      kind: "step",
      recordId: id,
      name,
      recordCreatedAt: row.createdAt,
      response,
      by: owner,
    };
    context.transaction.set(key, step);
    return count(1);
  },

  *steps(context, { id }: { readonly id: string }) {
    const row = record(context, id);
    const steps = [...context.transaction.rows()].flatMap(([, step]) =>
      step.kind === "step" && step.recordId === id && step.recordCreatedAt === row?.createdAt
        ? [{ name: step.name, response: step.response }]
        : [],
    );
    return rowsOf(steps);
  },

  *claimAbandoned(context, params: AbandonedParams) {
    const { transaction } = context;
    const now = context.now();
    const isAbandoned = (row: RecordRow) =>
      row.lockedUntil !== null &&
      row.lockedUntil <= now &&
      row.status === "in_progress" &&
      row.expiresAt > now &&
      row.input !== null &&
      params.operations.includes(row.operation);
    const [key, row] =
      Array.from(transaction.rows())
        .filter(
          (entry): entry is [string, RecordRow] =>
            entry[1].kind === "record" && isAbandoned(entry[1]) && context.isLockFree(entry[0]),
        )
        .toSorted(([, a], [, b]) => (a.lockedUntil ?? 0) - (b.lockedUntil ?? 0))[0] ?? [];
    if (key === undefined || row === undefined) return rowsOf([]);
    yield* locking(context, key);
    const mine: RecordRow = {
      ...row,
      owner: params.owner,
      attempt: row.attempt + 1,
      lockedUntil: now + params.leaseMs,
      expiresAt: Math.max(row.expiresAt, now + params.leaseMs + params.retentionMs),
      isLeased: true,
      leaseEnd: now + params.leaseMs,
      claimedAt: now,
      by: params.owner,
    };
    transaction.set(key, mine);
    const { id, scope, operation, key: name, fingerprint, attempt, input } = mine;
    return rowsOf([{ id, scope, operation, key: name, fingerprint, attempt, input }]);
  },

  *prune(context, { limit }: { readonly limit: number }) {
    const now = context.now();
    const doomed = [...context.transaction.rows()]
      .filter((entry): entry is [string, RecordRow] => entry[1].kind === "record")
      .filter(
        ([key, row]) =>
          row.expiresAt <= now &&
          (row.lockedUntil === null || row.lockedUntil <= now) &&
          context.isLockFree(key),
      )
      .slice(0, limit);
    for (const [key, { id }] of doomed) {
      yield* locking(context, key);
      deleteSteps(context, id);
      context.transaction.set(key, undefined);
      context.transaction.deletions.set(key, "pruned");
    }
    return count(doomed.length);
  },

  *sweep() {
    return count(0);
  },

  *forget(context, { id }: { readonly id: string }) {
    const key = recordKey(id);
    const row = record(context, id);
    const now = context.now();
    const isLeased = row?.status === "in_progress" && row.owner !== "" && (row.lockedUntil ?? 0) > now;
    if (row === undefined || isLeased || !context.isLockFree(key)) return count(0);
    yield* locking(context, key);
    context.transaction.set(key, undefined);
    context.transaction.deletions.set(key, "forgotten");
    return count(1);
  },

  *forgetSteps(context, { id }: { readonly id: string }) {
    deleteSteps(context, id);
    return count(0);
  },

  *inspect(context, { id }: { readonly id: string }) {
    const row = record(context, id);
    return rowsOf(
      row === undefined
        ? []
        : [
            {
              ...row,
              claimedAtMs: row.createdAt,
              finishedAtMs: row.completedAt,
              expiresAtMs: row.expiresAt,
              leasedUntilMs: row.lockedUntil,
              nowMs: context.now(),
            },
          ],
    );
  },

  *inspectSteps() {
    return rowsOf([]);
  },

  /** What handlers send. */
  *effect(
    { transaction },
    params: { readonly execution: number; readonly recordId: string; readonly step: string | null },
  ) {
    transaction.set(`effect ${params.execution}`, { kind: "effect", ...params });
    return count(1);
  },

  *add(context, { account }: { readonly account: string }) {
    const key = `account ${account}`;
    yield* locking(context, key);
    const row = context.transaction.get(key) as AccountRow | undefined;
    context.transaction.set(key, { kind: "account", balance: (row?.balance ?? 0) + 1 });
    return count(1);
  },

  /** A handler that touches what is not its own. */
  *tamper({ transaction }, { id }: { readonly id: string }) {
    transaction.set(recordKey(id), undefined);
    transaction.deletions.set(recordKey(id), "forgotten");
    return count(1);
  },

  *fail() {
    throw new DatabaseError("23505", "duplicate key value violates a unique constraint of the application");
  },
};

function deleteSteps({ transaction }: Context, id: string): void {
  const steps = Array.from(transaction.rows()).filter(
    ([, row]) => row.kind === "step" && row.recordId === id,
  );
  for (const [key] of steps) transaction.set(key, undefined);
}
