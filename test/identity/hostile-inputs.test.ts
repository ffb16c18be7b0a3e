/** Inputs that a client makes to exhaust the server: what a short request may cost, whatever it is made of. */
import fc from "fast-check";
import superjson from "superjson";
import { expect, test } from "vitest";
import { canonical } from "../../src/core/request/canonical.ts";
import { times } from "../support/scale.ts";

type Kind = "array" | "object" | "map" | "set" | "keys";

/** A graph made from the bottom: each node refers to earlier ones, which are shared or copied. */
interface Recipe {
  readonly kind: Kind;
  readonly name: string;
  readonly refs: readonly number[];
  readonly leaf: string | number;
  /** Makes the node a cycle. */
  readonly self: boolean;
}

const recipe: fc.Arbitrary<Recipe> = fc.record({
  kind: fc.constantFrom<Kind>("array", "object", "map", "set", "keys"),
  name: fc.oneof(
    fc.string({ maxLength: 5 }),
    fc.integer({ min: 900, max: 1_100 }).map((length) => "n".repeat(length)),
  ),
  refs: fc.array(fc.oneof({ weight: 5, arbitrary: fc.constant(1) }, fc.integer({ min: 1, max: 5 })), {
    minLength: 1,
    maxLength: 6,
  }),
  leaf: fc.oneof(fc.string({ maxLength: 1_000 }), fc.integer()),
  self: fc.oneof({ weight: 30, arbitrary: fc.constant(false) }, fc.constant(true)),
});

function build(recipes: readonly Recipe[], { cycles }: { cycles: boolean }): unknown {
  const nodes: unknown[] = [];
  for (const [index, { kind, name, refs, leaf, self }] of recipes.entries()) {
    const items = refs.map((back) => nodes[index - back] ?? leaf);
    const node = containerOf(kind, name, [...items, leaf]);
    if (self && cycles && Array.isArray(node)) node.push(node);
    nodes.push(node);
  }
  return nodes.at(-1);
}

function containerOf(kind: Kind, name: string, items: readonly unknown[]): unknown {
  switch (kind) {
    case "array":
      return [...items];
    case "object":
      return Object.fromEntries(items.map((item, index) => [`${index}${name}`, item]));
    case "map":
      return new Map(items.map((item, index) => [`${index}${name}`, item]));
    case "keys":
      return new Map(items.map((item) => [item, name]));
    default:
      return new Set(items);
  }
}

/** The same without a shared reference. */
function copied(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copied);
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [copied(key), copied(item)]));
  if (value instanceof Set) return new Set([...value].map(copied));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, copied(item)]));
}

interface Cost {
  readonly ms: number;
  readonly bytes: number;
}

async function costOf(value: unknown): Promise<Cost> {
  const before = process.memoryUsage();
  const cpu = process.cpuUsage();
  await canonical(value).catch((error: unknown) => expect(error).toBeInstanceOf(TypeError));
  const { user } = process.cpuUsage(cpu);
  const { heapUsed, external } = process.memoryUsage();
  return { ms: user / 1_000, bytes: heapUsed + external - before.heapUsed - before.external };
}

/** The least of some, as other tests share the processors and the collector comes when it likes. */
async function leastCost(value: unknown): Promise<Cost> {
  let least = await costOf(value);
  for (let round = 0; round < 5 && (least.ms >= 100 || least.bytes >= 20_000_000); round += 1) {
    const next = await costOf(value);
    least = { ms: Math.min(least.ms, next.ms), bytes: Math.min(least.bytes, next.bytes) };
  }
  return least;
}

test("any graph costs below 100 ms and 20 MB", { timeout: 120_000 }, async () => {
  await costOf(build([], { cycles: true }));
  await fc.assert(
    fc.asyncProperty(fc.array(recipe, { minLength: 1, maxLength: 60, size: "max" }), async (recipes) => {
      const { ms, bytes } = await leastCost(build(recipes, { cycles: true }));
      expect(ms).toBeLessThan(100);
      expect(bytes).toBeLessThan(20_000_000);
    }),
    // Shrinking would try hundreds of inputs that are as costly.
    { numRuns: times({ short: 100, long: 2_000 }), endOnFailure: true },
  );
});

test("shared references and copies are one input", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(recipe, { minLength: 1, maxLength: 6 }), async (recipes) => {
      const value = build(recipes, { cycles: false });
      const written = await canonical(copied(value)).catch((error: { reason?: unknown }) => error.reason);
      // What is short by its references may be longer than any input without them.
      fc.pre(written !== "too_large");
      expect(written).toBe(await canonical(value));
    }),
    { numRuns: times({ short: 300, long: 5_000 }) },
  );
});

test("20 levels of references in 2.4 kB of superjson cost no more than they are long", async () => {
  let json: unknown = { ["n".repeat(1_000)]: 1 };
  const referentialEqualities: Record<string, string[]> = {};
  for (let level = 0; level < 20; level += 1) {
    json = [json, null];
    const parent = "0.".repeat(level);
    referentialEqualities[`${parent}0`] = [`${parent}1`];
  }
  const sent = JSON.stringify({ json, meta: { referentialEqualities } });
  expect(sent.length).toBeLessThan(2_500);
  const value = superjson.parse<unknown[][]>(sent);
  expect(value[0]?.[0]).toBe(value[1]?.[1]);
  const { ms, bytes } = await leastCost(value);
  expect(ms).toBeLessThan(100);
  expect(bytes).toBeLessThan(20_000_000);
});

test("a change deep in what is shared is another input", async () => {
  const graph = (leaf: string) => {
    let value: unknown = [leaf];
    for (let level = 0; level < 40; level += 1)
      value = { a: value, b: [value], [`long${"n".repeat(300)}`]: value };
    return value;
  };
  expect(await canonical(graph("a"))).not.toBe(await canonical(graph("b")));
});

test("four billion holes, 20 characters for some transformers, are refused for no more than that", async () => {
  const holes: unknown[] = [];
  holes.length = 2 ** 32 - 1;
  await expect(canonical([1, holes])).rejects.toThrow("more than 8000000 characters");
  const { ms, bytes } = await leastCost([1, holes]);
  expect(ms).toBeLessThan(100);
  expect(bytes).toBeLessThan(20_000_000);
});
