/** Fault hooks between any two statements of a run: a {@link Store} that tells where a run stands. */
import type { Store, StoreSession } from "../../src/core/contract/store.ts";

/** Where a run can be stopped, in the order it comes by. The handler itself hits "in the handler". */
export const CRASH_POINTS = [
  "before BEGIN",
  "before the claim is known",
  "after the claim",
  "in the handler",
  "before the outcome is stored",
  "after COMMIT",
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];

/** Called at each point; the run goes on when it resolves, and fails there when it rejects. */
export type Hit = (point: CrashPoint) => Promise<void> | void;

export function withCrashPoints<TTransaction>(store: Store<TTransaction>, hit: Hit): Store<TTransaction> {
  return {
    get conflictsAtCommit() {
      return store.conflictsAtCommit;
    },
    async transaction(opening, body) {
      await hit("before BEGIN");
      const result = await store.transaction(opening, async (session) => {
        const ending = await body(sessionWithCrashPoints(session, hit));
        if (ending.outcome !== undefined) await hit("before the outcome is stored");
        return ending;
      });
      await hit("after COMMIT");
      return result;
    },
    get leases() {
      return store.leases;
    },
    timeoutMs: store.timeoutMs,
    runningHandler: () => store.runningHandler(),
    faultOf: (error) => store.faultOf(error),
    check: (limits) => store.check(limits),
    upkeep: store.upkeep,
    replayable: (id) => store.replayable(id),
  };
}

function sessionWithCrashPoints<TTransaction>(
  session: StoreSession<TTransaction>,
  hit: Hit,
): StoreSession<TTransaction> {
  return {
    async claim() {
      await hit("before the claim is known");
      const claim = await session.claim();
      await hit("after the claim");
      return claim;
    },
    runHandler: (handler, work) => session.runHandler(handler, work),
    holds: (params) => session.holds(params),
    faultUnder: (error) => session.faultUnder(error),
    whyVanished: () => session.whyVanished(),
    undo: () => session.undo(),
    renew: (params) => session.renew(params),
    recordStep: (params) => session.recordStep(params),
  };
}
