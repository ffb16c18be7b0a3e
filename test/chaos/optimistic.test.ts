/** Runs over a database that tells at COMMIT only who was first, and sometimes tells nothing. */
import { expect, it } from "vitest";
import { isIdempotencyError } from "../../src/core/contract/errors/errors.ts";
import type { Idempotency, RunRequest } from "../../src/core/contract/idempotency.ts";
import { idempotencyOver } from "../../src/core/create.ts";
import { budget, scaled } from "../support/scale.ts";
import { Engine, EngineError, storeOver, type Transaction } from "./optimistic-engine.ts";
import { SEED, seeded } from "./seeded.ts";

const KEYS = ["a", "b"];
const CALLERS = 3;

type Place = (context: { tx: Transaction }) => Promise<string>;
type OverEngine = Idempotency<Transaction>;

const MODES = {
  transaction: (idempotency: OverEngine, request: RunRequest, place: Place) =>
    idempotency.run(request, place),
  lease: (idempotency: OverEngine, request: RunRequest, place: Place) =>
    idempotency.runLeased(request, ({ transaction }) => transaction("order", place)),
};
type Mode = keyof typeof MODES;

/** Each of so many processes asks for each key, and again until it is answered. */
async function schedule(seed: number, mode: Mode) {
  const random = seeded(seed);
  const engine = new Engine(random, 1 + Math.floor(random.next() * 6));
  let orders = 0;
  /** Orders of runs that said that nothing is committed. */
  const denied: string[] = [];
  const told = new Map<string, Set<unknown>>(KEYS.map((key) => [key, new Set()]));
  const call = async (key: string) => {
    const idempotency = idempotencyOver<Transaction>(storeOver(engine), {
      waitMs: 60_000,
      leaseMs: 500,
      transaction: { timeoutMs: 500 },
    });
    for (;;) {
      const mine: string[] = [];
      try {
        const { value } = await MODES[mode](
          idempotency,
          { operation: "place", scope: "u", key },
          async ({ tx }) => {
            const order = `order ${key} ${(orders += 1)}`;
            mine.push(order);
            await engine.pass();
            tx.set(order, order);
            return order;
          },
        );
        told.get(key)?.add(value);
        return;
      } catch (error) {
        if (!isIdempotencyError(error) || !error.retryable) throw error;
        // What a leased run has recorded stays, whatever it is told.
        if (mode === "transaction") denied.push(...mine);
      }
    }
  };
  const calls = KEYS.flatMap((key) => Array.from({ length: CALLERS }, () => call(key)));
  await Promise.all(calls);
  while (engine.arrive());
  const committed = engine.read("order ");
  return { engine, committed, denied, told };
}

it.each(["transaction", "lease"] as const)(
  `every key has one order, which all are told, whatever COMMIT says, in mode %s (CHAOS_SEED=${SEED})`,
  async (mode) => {
    const met = new Map<string, number>();
    const most = scaled({ short: 1_000, long: 20_000 });
    const isToGoOn = budget({ least: 200, most, ms: scaled({ short: 10_000, long: 60_000 }) });
    for (let done = 0; isToGoOn(done); done += 50) {
      const seeds = Array.from({ length: 50 }, (_, n) => SEED + done + n);
      await Promise.all(
        seeds.map(async (seed) => {
          const { engine, committed, denied, told } = await schedule(seed, mode);
          const answers = KEYS.map((key) => [...(told.get(key) ?? [])]);
          expect(answers.flat().map(String).sort(), `seed ${seed}: one answer for each key`).toEqual(
            committed.map(String).sort(),
          );
          expect(committed, `seed ${seed}`).toHaveLength(KEYS.length);
          expect(
            denied.filter((order) => committed.includes(order)),
            `seed ${seed}: said to be undone`,
          ).toEqual([]);
          for (const [fate, times] of engine.met) met.set(fate, (met.get(fate) ?? 0) + times);
        }),
      );
    }
    expect([...met.keys()]).toHaveLength(5);
  },
);

it("a handler that failed over rows that an abort without a word has taken from it is repeated", async () => {
  const engine = new Engine(seeded(1), 0);
  const store = storeOver(engine);
  let runs = 0;
  const telling: typeof store = {
    ...store,
    transaction: (opening, body) =>
      store.transaction(opening, (session) =>
        body(Object.assign(session, { whyVanished: async () => new EngineError("write_conflict") })),
      ),
  };
  const { value } = await idempotencyOver(telling).run(
    { operation: "place", scope: "u", key: "k" },
    async () => {
      runs += 1;
      if (runs === 1) throw new TypeError("Cannot read properties of null");
      return "ordered";
    },
  );
  expect([value, runs]).toEqual(["ordered", 2]);
});
