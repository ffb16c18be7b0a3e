import { describe, expect, test } from "vitest";
import { FinishedIds } from "../../src/core/duplicates/finished-ids.ts";

describe("the memory of finished records", () => {
  test("knows what was added, and nothing else", () => {
    const ids = new FinishedIds();
    ids.add("a");
    expect([ids.has("a"), ids.has("b")]).toEqual([true, false]);
  });

  test("keeps at least the latest of its size, and at most twice as many", () => {
    const ids = new FinishedIds(3);
    const all = Array.from({ length: 20 }, (_, i) => `id-${i}`);
    for (const [i, id] of all.entries()) {
      ids.add(id);
      const known = all.filter((one) => ids.has(one));
      expect(known).toEqual(all.slice(i + 1 - known.length, i + 1));
      expect(known.length).toBeGreaterThanOrEqual(Math.min(i + 1, 3));
      expect(known.length).toBeLessThanOrEqual(6);
    }
  });

  test("does not grow when one id is added again and again", () => {
    const ids = new FinishedIds(3);
    ids.add("a");
    for (let i = 0; i < 10; i += 1) ids.add("b");
    expect(ids.has("a")).toBe(true);
  });
});
