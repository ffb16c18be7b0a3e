/** A leased run over a store that answers each statement as a test says. */
import type { RunOptions } from "../../src/core/contract/options/options.ts";
import type { LeaseStore, Store, StoreFault } from "../../src/core/contract/store.ts";
import { idempotencyOver } from "../../src/core/create.ts";

export const run = { operation: "orders.pay", scope: "u", key: "k" };

export class Fault extends Error {
  readonly fault: StoreFault | undefined;
  constructor(fault: StoreFault | undefined) {
    super(String(fault));
    this.fault = fault;
  }
}
export const away = new Fault("unavailable");

type Name = "claim" | "complete" | "giveBack" | "outcomeOf" | "steps" | "renew" | "recordStep" | "holds";
export type Answer = Error | object | boolean | undefined;
export const GOOD: Readonly<Record<Name, Answer>> = {
  claim: { state: "claimed", attempt: 1 },
  complete: true,
  giveBack: true,
  outcomeOf: undefined,
  steps: [],
  renew: true,
  recordStep: true,
  holds: false,
};

/** How a transaction fails: as it begins, or at COMMIT. */
export type Failure = { readonly begin: Error } | { readonly commit: Error };

/** A leased run whose statements are answered from lists, the good answer after that. */
export function over(
  answers: Partial<Record<Name, readonly (Answer | ((params: never) => Answer))[]>>,
  options: RunOptions = {},
  failures: readonly (Failure | undefined)[] = [],
) {
  const ends = [...failures];
  const asked: { readonly name: Name; readonly params: Record<string, unknown> }[] = [];
  const left = new Map(Object.entries(answers).map(([name, list]) => [name, [...list]]));
  const answer = (name: Name) => async (params: Record<string, unknown>) => {
    asked.push({ name, params });
    const list = left.get(name) ?? [];
    const next = list.length > 0 ? list.shift() : GOOD[name];
    const result: unknown = typeof next === "function" ? next(params as never) : next;
    if (result instanceof Error) throw result;
    return result;
  };
  const leases = Object.fromEntries(Object.keys(GOOD).map((name) => [name, answer(name as Name)]));
  const store = {
    leases: leases as unknown as LeaseStore,
    async transaction(_opening: unknown, body: (session: unknown) => Promise<{ value: unknown }>) {
      const end = ends.shift();
      if (end !== undefined && "begin" in end) throw end.begin;
      const session = {
        ...leases,
        runHandler: (_handler: unknown, work: (clients: unknown) => unknown) => work({}),
        faultUnder: async () => undefined,
        whyVanished: async () => undefined,
      };
      const { value } = await body(session);
      if (end !== undefined) throw end.commit;
      return value;
    },
    timeoutMs: 5_000,
    conflictsAtCommit: false,
    runningHandler: () => undefined,
    replayable: async () => undefined,
    faultOf: (error: unknown) => (error instanceof Fault ? error.fault : undefined),
  } as unknown as Store<unknown>;
  const idempotency = idempotencyOver(store, {
    waitMs: 5_000,
    outageMs: 5_000,
    leaseMs: 10_000,
    retentionMs: 90_000,
    ...options,
  });
  const ofName = (wanted: Name) => asked.filter(({ name }) => name === wanted).map(({ params }) => params);
  return { idempotency, asked, ofName };
}

export const times = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item);
