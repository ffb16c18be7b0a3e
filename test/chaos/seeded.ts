/** Pseudo-random numbers that a seed repeats: CHAOS_SEED=… runs the same choices again. */
export const SEED = Number(process.env["CHAOS_SEED"] ?? Date.now() % 2 ** 31);

export interface Random {
  /** In [0, 1). */
  next(): number;
  shuffled<T>(items: readonly T[]): T[];
}

/** mulberry32. */
export function seeded(seed: number): Random {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    shuffled: (items) =>
      items
        .map((item) => ({ item, rank: next() }))
        .sort((a, b) => a.rank - b.rank)
        .map(({ item }) => item),
  };
}
