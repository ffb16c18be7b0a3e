/** A store over a real database, one of whose statements meets a fault. */
import type { IdempotencyErrorCode } from "../../src/core/contract/errors/errors.ts";
import {
  type LeaseStore,
  NotStoredError,
  type Store,
  type StoreFault,
  type StoreSession,
} from "../../src/core/contract/store.ts";
import { StoreError } from "../../src/sql/dialect/store-error.ts";

export type Statement = keyof StoreSession<never> | keyof LeaseStore | "transaction" | "COMMIT";
export type Fault = Exclude<StoreFault, "handler_mistake"> | "unknown";

/** Every class of fault, and what it is when it meets a statement of ours before the handler. */
export const BEFORE: Record<Fault, IdempotencyErrorCode> = {
  write_conflict: "STORE_UNAVAILABLE",
  lock_timeout: "IN_PROGRESS",
  transaction_aborted: "STORE_MISCONFIGURED",
  transaction_expired: "STORE_UNAVAILABLE",
  misconfigured: "STORE_MISCONFIGURED",
  read_only: "STORE_UNAVAILABLE",
  unavailable: "STORE_UNAVAILABLE",
  unknown: "STORE_MISCONFIGURED",
};
export const FAULTS = Object.keys(BEFORE) as Fault[];

/** What no client may read. */
export const DRIVER_WORDS = "words of a driver";

/** What Prisma throws, where its error says by itself what it is. */
const PRISMA_CODES: { readonly [TFault in Fault]?: string } = {
  write_conflict: "P2034",
  misconfigured: "P2021",
  unavailable: "P1001",
  transaction_expired: "P2028",
};

function errorOf(fault: Fault): Error {
  const driver = new Error(DRIVER_WORDS);
  const code = PRISMA_CODES[fault];
  if (code !== undefined) return Object.assign(driver, { code });
  return fault === "unknown" ? driver : new StoreError(fault, "words of a store", driver);
}

/** `store`, one of whose statements meets the fault, `times` times. */
export function failingAt<T>(
  store: Store<T>,
  statement: Statement,
  fault: Fault,
  times = Infinity,
): Store<T> {
  let left = times;
  const broken = <O extends object>(object: O): O =>
    new Proxy(object, {
      get(target, name) {
        if (name === statement && left > 0) {
          left -= 1;
          return async () => Promise.reject(errorOf(fault));
        }
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
  return {
    get conflictsAtCommit() {
      return store.conflictsAtCommit;
    },
    transaction: (opening, body) =>
      statement === "transaction"
        ? Promise.reject(errorOf(fault))
        : store.transaction(opening, async (session) => {
            const ending = await body(broken(session));
            if (statement === "COMMIT") throw errorOf(fault);
            if (statement === "complete" && ending.outcome)
              throw new NotStoredError("failed", errorOf(fault));
            return ending;
          }),
    get leases() {
      return broken(store.leases);
    },
    timeoutMs: store.timeoutMs,
    runningHandler: () => store.runningHandler(),
    faultOf: (error) => store.faultOf(error),
    check: () => Promise.reject(errorOf(fault)),
    upkeep: {
      prune: () => Promise.reject(errorOf(fault)),
      sweep: () => Promise.reject(errorOf(fault)),
      inspect: () => Promise.reject(errorOf(fault)),
      forget: () => Promise.reject(errorOf(fault)),
      rewrite: () => Promise.reject(errorOf(fault)),
      ids: () => Promise.reject(errorOf(fault)),
      list: () => Promise.reject(errorOf(fault)),
      placeAfter: () => Promise.reject(errorOf(fault)),
      stats: () => Promise.reject(errorOf(fault)),
      count: () => Promise.reject(errorOf(fault)),
    },
    replayable: (id) => store.replayable(id),
  };
}
