/** How long is waited between two looks. */
import { afterEach, expect, it, vi } from "vitest";
import { fullJitter, halfJitter } from "../../src/core/browser/jitter.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const withRandom = (random: number, pause: () => number): number => {
  vi.spyOn(Math, "random").mockReturnValue(random);
  return pause();
};

it.each([
  [0, 500],
  [0.5, 750],
  [0.75, 875],
])("polls at %s of the random numbers after more than half of the bound", (random, ms) => {
  expect(withRandom(random, () => halfJitter(1_000))).toBe(ms);
});

it.each([
  [0, 0, 0],
  [0, 0.5, 20],
  [1, 0.5, 40],
  [2, 0.5, 50],
  [9, 0.5, 50],
])("backs off before attempt %s at %s of the random numbers for %s ms", (attempt, random, ms) => {
  expect(withRandom(random, () => fullJitter(attempt, 40, 100))).toBe(ms);
});
