import { setTimeout as sleep } from "node:timers/promises";
import type {
  Claim,
  ClaimParams,
  CompleteParams,
  Store,
  StoreSession,
  TransactionLimits,
} from "../../core/contract/store.ts";

/** A store over a database of its own, which has the tables and nothing in them. */
export interface StoreUnderTest<TTransaction> {
  readonly store: Store<TTransaction>;
  /** A second store on the same database with connections of its own, as another process has. Only with option `twoConnections`. */
  readonly other?: Store<TTransaction>;
  /** Writes one row of the application's, through the client of a transaction. */
  readonly write: (tx: TTransaction) => Promise<unknown>;
  /** Counts the committed rows of `write`, as somebody outside of the transactions sees them. */
  readonly written: () => Promise<number>;
  /** Called at the end of each case. */
  readonly close?: () => PromiseLike<unknown>;
}

/** Options of {@link storeConformance}. */
export interface ConformanceOptions<TTransaction> {
  /** Called at the beginning of each case. */
  readonly open: () => Promise<StoreUnderTest<TTransaction>>;
  /** Whether `open` gives a second store: for databases that more than one client may write to at a time. Default `false`. */
  readonly twoConnections?: boolean;
}

/** One thing that a store must keep. */
export interface ConformanceCase {
  /** A fact in the present tense. */
  readonly name: string;
  /** @throws AssertionError if the store does not keep it. */
  readonly run: () => Promise<void>;
}

/** A case before it has a store. */
export type Check = <TTransaction>(test: StoreUnderTest<TTransaction>) => Promise<void>;

export const LIMITS: TransactionLimits = {
  maxWaitMs: 10_000,
  timeoutMs: 10_000,
  lockWaitMs: 1_000,
  isolationLevel: undefined,
};

export const OPERATION = "orders.place";
export const ID = "r";

/** A claim of a transaction, by default of the record {@link ID}. */
export const claimBy = (owner: string, more: Partial<ClaimParams> = {}): ClaimParams => ({
  id: ID,
  scope: "s",
  operation: OPERATION,
  key: "k",
  fingerprint: "f",
  owner,
  lockWaitMs: 1_000,
  retentionMs: 60_000,
  leaseMs: null,
  input: null,
  ...more,
});

/** A claim of a lease that does not lapse while a case runs. */
export const leaseBy = (owner: string, more: Partial<ClaimParams> = {}): ClaimParams =>
  claimBy(owner, { leaseMs: 60_000, input: "i", ...more });

export const completedBy = (owner: string, more: Partial<CompleteParams> = {}): CompleteParams => ({
  id: ID,
  owner,
  status: "completed",
  response: "done",
  retentionMs: null,
  ...more,
});

/** A run in mode `transaction`, with one write of its handler. */
export async function execute<TTransaction>(
  { write }: Pick<StoreUnderTest<TTransaction>, "write">,
  store: Store<TTransaction>,
  claim: ClaimParams,
  outcome: Partial<CompleteParams> = {},
): Promise<Claim> {
  return store.transaction<Claim>({ limits: LIMITS, claim }, async (session) => {
    const claimed = await session.claim();
    if (claimed.state === "claimed") {
      await inHandler(session, write);
      return { value: claimed, outcome: completedBy(claim.owner, { id: claim.id, ...outcome }) };
    }
    return { value: claimed };
  });
}

export const inHandler = <TTransaction, T>(
  session: StoreSession<TTransaction>,
  work: (tx: TTransaction) => Promise<T>,
): Promise<T> => session.runHandler({ operation: OPERATION, afterCommit: [] }, ({ tx }) => work(tx));

/** What `work` rejects with. `undefined` if it does not. */
export const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error ?? new Error("nothing"),
  );

/** Longer than all that is to be over with the shortest retention and lease, on clocks that may count in hundredths of a second. */
export const lapse = (): Promise<void> => sleep(100);
