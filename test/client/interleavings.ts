/** A user, a page and a network that fail at random: what is the same for every client library. */
import { expect } from "vitest";
import { type Random, SEED, seeded } from "../chaos/seeded.ts";
import { budget, times } from "../support/scale.ts";
import { FAILURES, type Fate, type Order, type Shop } from "./shop.ts";

const MOST = times({ short: 40, long: 1_000 });
const BUDGET_MS = times({ short: 10_000, long: 150_000 });

export const TIMING = { attemptsMax: 3, attemptMs: 300, backoffMs: 1, backoffMsMax: 2 };
/** For a network that works again, on a machine that may be busy. */
export const PATIENT = { ...TIMING, attemptsMax: 10, attemptMs: 20_000 };

/** What one intent came to: the ids that the user was shown. */
export interface Intent {
  customer: string;
  ids: Set<string>;
  /** Whether the user went on until there was an answer. */
  isAnswered: boolean;
}

export interface Dice extends Random {
  chance(probability: number): boolean;
  below(bound: number): number;
}

function dice(seed: number): Dice {
  const random = seeded(seed);
  return {
    ...random,
    chance: (probability) => random.next() < probability,
    below: (bound) => Math.floor(random.next() * bound),
  };
}

/** Up to five failures in a row; those that cost a time-out are rarer. */
export function badLuck(random: Dice): Fate[] {
  return Array.from({ length: random.below(6) }, () => {
    if (random.chance(0.2)) return "answered";
    const quick = FAILURES.slice(0, 5);
    return (random.chance(0.05) ? FAILURES[5 + random.below(2)] : quick[random.below(5)]) ?? "503";
  });
}

function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

export const orderOf = (customer: string): Order => ({ customer, item: "lamp", quantity: 1 });

/**
 * Plays as many rounds as there is time for, several at a time, and then compares what users were shown with what is in
 * the database. Each round has a seed of its own: the printed one plays it again alone.
 */
export async function playAll(
  shop: Shop,
  name: string,
  play: (customer: string, random: Dice) => Promise<Intent[]>,
): Promise<{ rounds: number }> {
  const intents: Intent[] = [];
  const goesOn = budget({ least: 20, most: MOST, ms: BUDGET_MS });
  let next = 0;
  const playSome = async () => {
    while (goesOn(next)) {
      const round = next;
      next += 1;
      intents.push(...(await play(`${name} ${round}`, dice(SEED + round))));
    }
  };
  await Promise.all(Array.from({ length: 6 }, playSome));
  await shop.idle();
  const orders = await shop.db.query(`SELECT "id", "customer", "key" FROM "Order"`);
  const idsOf = groupBy(orders, ({ customer }) => customer);
  for (const [customer, its] of groupBy(intents, (intent) => intent.customer)) {
    const hint = `${customer}; CHAOS_SEED=${SEED}`;
    const ids = (idsOf.get(customer) ?? []).map(({ id }) => id as string);
    const shown = its.flatMap((intent) => [...intent.ids]);
    for (const intent of its) {
      expect(intent.ids.size, `answers of one intent: ${hint}`).toBeLessThanOrEqual(1);
      if (intent.isAnswered) expect(intent.ids.size, `an answer: ${hint}`).toBe(1);
    }
    expect(new Set(shown).size, `one order for two intents: ${hint}`).toBe(shown.length);
    expect(ids, `orders shown: ${hint}`).toEqual(expect.arrayContaining(shown));
    expect(ids.length, `orders: ${hint}`).toBeLessThanOrEqual(its.length);
    if (its.every(({ isAnswered }) => isAnswered)) expect(ids.length, `orders: ${hint}`).toBe(its.length);
  }
  // Nobody is lent the key of another.
  const customersOf = groupBy(
    shop.seen.flatMap(({ key, customer }) => (key?.split(", ") ?? []).map((one) => ({ one, customer }))),
    ({ one }) => one,
  );
  for (const [key, uses] of customersOf) {
    const hint = `CHAOS_SEED=${SEED}`;
    expect(new Set(uses.map(({ customer }) => customer)).size, `users of ${key}: ${hint}`).toBe(1);
  }
  return { rounds: next };
}
