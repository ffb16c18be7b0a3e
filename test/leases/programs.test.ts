import fc from "fast-check";
import { expect, test } from "vitest";
import { isIdempotencyError } from "../../src/core/contract/errors/errors.ts";
import type { LeaseContext } from "../../src/core/contract/idempotency.ts";
import { createIdempotency } from "../../src/index.ts";
import { SEED } from "../chaos/seeded.ts";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { budget, times } from "../support/scale.ts";
import type { Tx } from "../support/shop.ts";

/** What becomes of a step when it is taken: each time it is taken, the next of `fates`; in the end it succeeds. */
type Fate = "succeeds" | "fails" | "fails after its effect" | "is unstorable" | "is unknown to this version";

interface StepOf {
  name: string;
  kind: "step" | "transaction";
  fates: readonly Fate[];
  /** Finds out what became of it, where it was asked for before. */
  reconciles: boolean;
}

interface Program {
  steps: readonly StepOf[];
  /** Whether the handler fails after its last step, on each attempt. */
  ends: readonly boolean[];
}

const fate = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Fate>("succeeds") },
  {
    weight: 4,
    arbitrary: fc.constantFrom<Fate>(
      "fails",
      "fails after its effect",
      "is unstorable",
      "is unknown to this version",
    ),
  },
);
const program: fc.Arbitrary<Program> = fc.record({
  steps: fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e"), { maxLength: 5 }).chain((names) =>
    fc.tuple(
      ...names.map((name) =>
        fc.record({
          name: fc.constant(name),
          kind: fc.constantFrom("step" as const, "transaction" as const),
          fates: fc.array(fate, { maxLength: 3 }),
          reconciles: fc.boolean(),
        }),
      ),
    ),
  ),
  ends: fc.array(fc.boolean(), { maxLength: 2 }),
});

class Failed extends Error {}

/** An outside service that knows its keys, and counts. */
class Outside {
  readonly done = new Map<string, string>();
  effects: string[] = [];

  do(key: string, name: string): string {
    const known = this.done.get(key);
    if (known !== undefined) return known;
    this.effects.push(name);
    this.done.set(key, `${name} done`);
    return `${name} done`;
  }
}

/** What the model says of a program: when each step was recorded, how often each ran, what the attempts end with. */
function modelOf({ steps, ends }: Program) {
  const recorded = new Set<string>();
  const taken = new Map<string, number>();
  const effects = new Set<string>();
  const outcomes: string[] = [];
  for (let attempt = 1; ; attempt += 1) {
    let end: string = ends[attempt - 1] === true ? "Failed" : "completed";
    for (const { name, kind, fates, reconciles } of steps) {
      const nth = taken.get(name) ?? 0;
      // A version of the handler that does not know the step does not take it, recorded or not.
      const next = fates[nth] ?? "succeeds";
      if (next === "is unknown to this version") {
        taken.set(name, nth + 1);
        continue;
      }
      if (recorded.has(name)) continue;
      taken.set(name, nth + 1);
      if (kind === "step" && reconciles && attempt > 1 && effects.has(name)) {
        recorded.add(name);
        continue;
      }
      if (next === "succeeds") {
        effects.add(name);
        recorded.add(name);
        continue;
      }
      // What fails in a transaction is rolled back; what is unstorable has happened outside.
      if (kind === "step" && next !== "fails") effects.add(name);
      end = next === "is unstorable" ? "RESULT_UNSTORABLE" : "Failed";
      break;
    }
    outcomes.push(end);
    if (end === "completed") return { outcomes, effects: [...effects].sort(), taken };
  }
}

/** Executes the program as a client would that retries until it is answered. */
async function execute({ steps, ends }: Program, database: TestDatabase, key: string) {
  const outside = new Outside();
  const taken = new Map<string, number>();
  const outcomes: string[] = [];
  const request = { operation: "program", key, scope: "u" };

  async function handler({ step, transaction, attempt }: LeaseContext<Tx>): Promise<Record<string, string>> {
    const results: Record<string, string> = {};
    for (const { name, kind, fates, reconciles } of steps) {
      const nth = taken.get(name) ?? 0;
      const next = fates[nth] ?? "succeeds";
      const take = () => taken.set(name, nth + 1);
      if (next === "is unknown to this version") {
        take();
        continue;
      }
      if (kind === "step") {
        const options = {
          reconcile: ({ key }: { key: string }) => {
            take();
            return outside.done.get(key);
          },
        };
        results[name] = await step(
          name,
          ({ key }) => {
            take();
            if (next === "fails") throw new Failed(name);
            const result = outside.do(key, name);
            if (next === "fails after its effect") throw new Failed(name);
            return next === "is unstorable" ? ((() => result) as unknown as string) : result;
          },
          reconciles ? options : {},
        );
      } else {
        results[name] = await transaction(name, async ({ tx }) => {
          take();
          if (next === "fails") throw new Failed(name);
          const data = { key, customer: "model", item: name, quantity: 1, total: "1", big: 1n };
          await tx.order.create({ data });
          if (next === "fails after its effect") throw new Failed(name);
          return next === "is unstorable" ? ((() => name) as unknown as string) : `${name} written`;
        });
      }
    }
    if (ends[attempt - 1] === true) throw new Failed("end");
    return results;
  }

  // Each attempt in a process of its own, as far as memory goes.
  const attemptOnce = () => createIdempotency({ prisma: database.prisma }).runLeased(request, handler);
  for (;;) {
    try {
      const { value, replayed } = await attemptOnce();
      outcomes.push("completed");
      const again = await attemptOnce();
      return { outcomes, value, replayed, again, outside, taken };
    } catch (error) {
      if (error instanceof Failed) outcomes.push("Failed");
      else if (isIdempotencyError(error)) outcomes.push(error.code);
      else throw error;
    }
  }
}

test(`any program of steps, over any failures and versions of its handler, does what the model does (CHAOS_SEED=${SEED})`, async () => {
  await using database = await openSqlite();
  const most = times({ short: 50, long: 150 });
  const goesOn = budget({ least: 20, most, ms: times({ short: 5_000, long: 20_000 }) });
  let programs = 0;
  const property = fc.asyncProperty(program, async (given) => {
    if (!goesOn(programs)) return;
    programs += 1;
    const key = `p${programs}`;
    const model = modelOf(given);
    const { outcomes, value, replayed, again, outside, taken } = await execute(given, database, key);
    expect(outcomes).toEqual(model.outcomes);
    expect(replayed).toBe(false);
    expect(again).toEqual({ value, replayed: true });
    expect(taken).toEqual(model.taken);
    const rows = await database.query(`SELECT item FROM "Order" WHERE key = ?1`, [key]);
    expect([...outside.effects, ...rows.map(({ item }) => String(item))].sort()).toEqual(model.effects);
    for (const [name, result] of Object.entries(value)) {
      const { kind } = given.steps.find((one) => one.name === name) as StepOf;
      expect(result).toBe(kind === "step" ? `${name} done` : `${name} written`);
    }
    const [record] = await database.query("SELECT attempt, status FROM idempotency_record WHERE key = ?1", [
      key,
    ]);
    expect(record).toEqual({ attempt: outcomes.length, status: "completed" });
  });
  await fc.assert(property, { numRuns: most, seed: SEED });
  expect(programs).toBeGreaterThanOrEqual(20);
});
