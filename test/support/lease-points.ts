/** Where a leased run can be stopped: a {@link Store} that tells where each run stands. */
import type { LeaseStore, Store, StoreSession } from "../../src/core/contract/store.ts";

/** What the handler of leased-shop.ts does, in this order. */
const CALLS = ["charge", "ship", "receipt"] as const;
const TRANSACTIONS = ["order", "label"] as const;

type Call = (typeof CALLS)[number];
type Transaction = (typeof TRANSACTIONS)[number];

/** The handler itself hits the first two of a call and of a transaction. */
const callPoints = <T extends Call>(name: T) =>
  [
    `before the call of ${name}`,
    `after the call of ${name}`,
    `before ${name} is recorded`,
    `after ${name} is recorded`,
  ] as const;
const transactionPoints = <T extends Transaction>(name: T) =>
  [
    `before the writes of ${name}`,
    `after the writes of ${name}`,
    `before the row of ${name}`,
    `after the row of ${name}, before COMMIT`,
    `after COMMIT of ${name}`,
  ] as const;

/** In the order in which a run comes by. */
export const LEASE_POINTS = [
  "before the claim",
  "after the claim",
  ...callPoints("charge"),
  ...transactionPoints("order"),
  ...callPoints("ship"),
  ...transactionPoints("label"),
  ...callPoints("receipt"),
  "before the result is stored",
  "after the result is stored",
] as const;

export type LeasePoint = (typeof LEASE_POINTS)[number];

/** A run that stands there holds a transaction open. */
export const isInTransaction = (point: LeasePoint): boolean =>
  TRANSACTIONS.some((name) => point.endsWith(` of ${name}`) || point.includes(` of ${name},`)) &&
  !point.startsWith("after COMMIT");

/** Called at each point of the run of `key`; the run goes on when it resolves, and fails there when it rejects. */
export type LeaseHit = (point: LeasePoint, key: string) => Promise<void> | void;

export function withLeasePoints<TTransaction>(
  store: Store<TTransaction>,
  hit: LeaseHit,
): Store<TTransaction> {
  const keys = new Map<string, string>();
  const keyOf = (id: string) => keys.get(id) ?? "unknown";
  return {
    get conflictsAtCommit() {
      return store.conflictsAtCommit;
    },
    async transaction(opening, body) {
      let recorded: { id: string; name: string } | undefined;
      const result = await store.transaction(opening, (session) =>
        body(
          sessionOver(session, async (params) => {
            recorded = params;
            await hit(`before the row of ${params.name}` as LeasePoint, keyOf(params.id));
            const isRecorded = await session.recordStep(params);
            await hit(`after the row of ${params.name}, before COMMIT` as LeasePoint, keyOf(params.id));
            return isRecorded;
          }),
        ),
      );
      if (recorded) await hit(`after COMMIT of ${recorded.name}` as LeasePoint, keyOf(recorded.id));
      return result;
    },
    timeoutMs: store.timeoutMs,
    get leases() {
      return leasesOver(store.leases, hit, keys);
    },
    runningHandler: () => store.runningHandler(),
    faultOf: (error) => store.faultOf(error),
    check: (limits) => store.check(limits),
    upkeep: store.upkeep,
    replayable: (id) => store.replayable(id),
  };
}

function leasesOver(leases: LeaseStore, hit: LeaseHit, keys: Map<string, string>): LeaseStore {
  const keyOf = (id: string) => keys.get(id) ?? "unknown";
  return {
    async claim(params) {
      keys.set(params.id, params.key);
      await hit("before the claim", params.key);
      const claim = await leases.claim(params);
      if (claim.state === "claimed") await hit("after the claim", params.key);
      return claim;
    },
    async recordStep(params) {
      await hit(`before ${params.name} is recorded` as LeasePoint, keyOf(params.id));
      const isRecorded = await leases.recordStep(params);
      await hit(`after ${params.name} is recorded` as LeasePoint, keyOf(params.id));
      return isRecorded;
    },
    async complete(params) {
      await hit("before the result is stored", keyOf(params.id));
      const isStored = await leases.complete(params);
      await hit("after the result is stored", keyOf(params.id));
      return isStored;
    },
    holds: (params) => leases.holds(params),
    async claimAbandoned(params) {
      const record = await leases.claimAbandoned(params);
      if (record !== undefined) keys.set(record.id, record.key);
      return record;
    },
    outcomeOf: (id) => leases.outcomeOf(id),
    steps: (id) => leases.steps(id),
    renew: (params) => leases.renew(params),
    giveBack: (params) => leases.giveBack(params),
  };
}

function sessionOver<TTransaction>(
  session: StoreSession<TTransaction>,
  recordStep: StoreSession<TTransaction>["recordStep"],
): StoreSession<TTransaction> {
  return {
    claim: () => session.claim(),
    runHandler: (handler, work) => session.runHandler(handler, work),
    holds: (params) => session.holds(params),
    faultUnder: (error) => session.faultUnder(error),
    whyVanished: () => session.whyVanished(),
    undo: () => session.undo(),
    renew: (params) => session.renew(params),
    recordStep,
  };
}
