/** Fault hooks between any two statements of a run: a {@link Store} that tells where a run stands. */
import type { Store, StoreSession } from "../../src/core/contract/store.ts";

/** Where a run can be stopped, in the order it comes by. The handler itself hits "in the handler". */
export const CRASH_POINTS = [
  "before BEGIN",
  "before the claim",
  "after the claim",
  "after the savepoint",
  "in the handler",
  "before the result is stored",
  "after the result is stored",
  "after COMMIT",
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];

/** Called at each point; the run goes on when it resolves, and fails there when it rejects. */
export type Hit = (point: CrashPoint) => Promise<void> | void;

export function withCrashPoints<TTransaction>(store: Store<TTransaction>, hit: Hit): Store<TTransaction> {
  return {
    async transaction(limits, body) {
      await hit("before BEGIN");
      const result = await store.transaction(limits, (session) => body(sessionWithCrashPoints(session, hit)));
      await hit("after COMMIT");
      return result;
    },
    get leases() {
      return store.leases;
    },
    timeoutMs: store.timeoutMs,
    runningHandler: () => store.runningHandler(),
    faultOf: (error) => store.faultOf(error),
    check: () => store.check(),
    prune: (params) => store.prune(params),
    replayable: (id) => store.replayable(id),
  };
}

function sessionWithCrashPoints<TTransaction>(
  session: StoreSession<TTransaction>,
  hit: Hit,
): StoreSession<TTransaction> {
  const storing = async (store: () => Promise<boolean>) => {
    await hit("before the result is stored");
    const stored = await store();
    await hit("after the result is stored");
    return stored;
  };
  return {
    async claim(params) {
      await hit("before the claim");
      const claim = await session.claim(params);
      await hit("after the claim");
      return claim;
    },
    async savepoint() {
      await session.savepoint();
      await hit("after the savepoint");
    },
    runHandler: (handler, work) => session.runHandler(handler, work),
    holds: (params) => session.holds(params),
    isBroken: () => session.isBroken(),
    rollbackToSavepoint: () => session.rollbackToSavepoint(),
    renew: (params) => session.renew(params),
    recordStep: (params) => session.recordStep(params),
    complete: (params) => storing(() => session.complete(params)),
  };
}
