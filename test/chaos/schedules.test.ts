import { AsyncLocalStorage } from "node:async_hooks";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CRASH_POINTS, type CrashPoint } from "../support/crash-points.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { budget, times } from "../support/scale.ts";
import { failureText, inconsistencies, openShop, ordersOf, SoldOut } from "../support/shop.ts";
import { SEED } from "./seeded.ts";

type Fate = "success" | "sold out" | "bug" | CrashPoint;

/** Which process (with a client and a memory of its own) is asked for what, and what goes wrong. */
interface Call {
  process: 0 | 1;
  key: 0 | 1;
  input: 0 | 1;
  fate: Fate;
}

/** One call, or several side by side. */
type Step = readonly Call[];

/** The caller is told an order, the stored error, that the key stands for another input, or that it failed. */
type End = `order ${string}` | "sold out" | "KEY_REUSED" | "failed";

interface Told {
  end: End;
  replayed: boolean;
}

/** What a key stands for. `undefined`: nothing yet. */
type Stored = { input: number; end: End } | undefined;

const call: fc.Arbitrary<Call> = fc.record<Call>({
  process: fc.constantFrom(0, 1),
  key: fc.constantFrom(0, 1),
  input: fc.constantFrom(0, 0, 0, 1),
  fate: fc.oneof(
    { weight: 3, arbitrary: fc.constant<Fate>("success") },
    { weight: 2, arbitrary: fc.constantFrom<Fate>("sold out", "bug") },
    { weight: 4, arbitrary: fc.constantFrom<Fate>(...CRASH_POINTS) },
  ),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: call.map((one) => [one]) },
  { weight: 1, arbitrary: fc.array(call, { minLength: 2, maxLength: 4 }) },
);

const isCrash = (fate: Fate): fate is CrashPoint => CRASH_POINTS.some((point) => point === fate);
/** The execution leaves nothing. A crash after COMMIT is too late for that. */
const isFatal = (fate: Fate) => fate === "bug" || (isCrash(fate) && fate !== "after COMMIT");

/** Two processes of the application, whose calls can be made to fail each in its own way. */
async function openProcesses(database: TestDatabase) {
  const current = new AsyncLocalStorage<{ fate: Fate | undefined }>();
  const hit = (point: CrashPoint) => {
    const call = current.getStore();
    if (call?.fate !== point) return;
    // A process dies once: what it does to find out how its COMMIT ended is spared.
    call.fate = undefined;
    throw new Error(`crashed ${point}`);
  };
  const shops = [database.prisma, await database.connect()].map((prisma, n) =>
    openShop({ prisma, by: `p${n}`, hit }),
  );
  return ({ process, input, fate }: Call, key: string): Promise<Told> =>
    current.run({ fate }, async (): Promise<Told> => {
      const last = async () => {
        if (fate === "sold out") throw new SoldOut("sold out");
        if (fate === "bug") throw new Error("a bug");
      };
      try {
        const { orderId, replayed } = (await shops[process]?.place(key, { input, last })) ?? {
          orderId: "none",
          replayed: false,
        };
        return { end: `order ${orderId}`, replayed };
      } catch (error) {
        const text = failureText(error);
        const end = text.endsWith("sold out") ? "sold out" : text === "KEY_REUSED" ? text : "failed";
        return { end, replayed: false };
      }
    });
}

/** Checks what the calls of one key were told in one step, and returns what the key stands for since. */
function judge(before: Stored, calls: readonly { call: Call; told: Told }[]): Stored {
  const owner = calls.find(({ told }) => told.end !== "failed" && told.end !== "KEY_REUSED");
  const after = before ?? (owner && { input: owner.call.input, end: owner.told.end });
  // Told while a call with another input was under way, whatever became of that one.
  const isRefusedBeside = ({ call, told }: (typeof calls)[number]) =>
    before === undefined &&
    told.end === "KEY_REUSED" &&
    calls.some((other) => other.call.input !== call.input);
  const mustEnd = calls.filter((one) => !isFatal(one.call.fate) && !isRefusedBeside(one));
  if (mustEnd.length > 0) expect(after, "nothing is stored").toBeDefined();
  const executions = calls.filter(({ told: { end, replayed } }) => end.startsWith("order") && !replayed);
  expect(executions.length).toBe(before === undefined && after?.end.startsWith("order") ? 1 : 0);
  for (const one of calls) {
    if (isRefusedBeside(one)) continue;
    const { call, told } = one;
    const expected = after === undefined ? "failed" : call.input === after.input ? after.end : "KEY_REUSED";
    // A call that fails on its own may still be served by another's execution; and only such a call may fail.
    const mayFail = isFatal(call.fate) || isCrash(call.fate);
    expect(mayFail ? [expected, "failed"] : [expected]).toContain(told.end);
  }
  return after;
}

/** One call alone, whose end the model knows beforehand. */
function judgeAlone(before: Stored, { input, fate }: Call, { end }: Told): void {
  if (before === undefined) {
    const kind = isFatal(fate) ? "failed" : fate === "sold out" ? "sold out" : "order";
    expect(end.split(" ")[0]).toBe(kind.split(" ")[0]);
    return;
  }
  const replay = before.input === input ? before.end : "KEY_REUSED";
  // Nobody to hide behind: a replay passes BEGIN, the claim and COMMIT. In a process that has seen the record finished,
  // it reads it and passes none of them.
  const crashes = ["before BEGIN", "before the claim is known", "after the claim", "after COMMIT"].includes(
    fate,
  );
  expect(crashes ? [replay, "failed"] : [replay]).toContain(end);
}

describe.each(databases)("any schedule of crashes, errors and duplicates on $name", ({ name, open }) => {
  test("ends as the model says", async () => {
    await using database = await open();
    const perform = await openProcesses(database);
    const most = times({ short: 30, long: name === "sqlite" ? 100 : 60 });
    const goesOn = budget({ least: 20, most, ms: times({ short: 4_000, long: 30_000 }) });
    let run = 0;
    const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
      if (!goesOn(run)) return;
      run += 1;
      const model = new Map<string, Stored>();
      for (const calls of steps) {
        const done = await Promise.all(
          calls.map(async (call) => {
            const key = `${run}.${call.key}`;
            return { key, call, told: await perform(call, key) };
          }),
        );
        for (const key of new Set(done.map((one) => one.key))) {
          const ofKey = done.filter((one) => one.key === key);
          const [first] = ofKey;
          if (done.length === 1 && first !== undefined) {
            judgeAlone(model.get(key), first.call, first.told);
          }
          model.set(key, judge(model.get(key), ofKey));
        }
      }
      for (const [key, stored] of model) {
        const orders = (await ordersOf(database, key)).map(({ orderId }) => `order ${orderId}`);
        expect(orders).toEqual(stored?.end.startsWith("order") ? [stored.end] : []);
      }
    });
    await fc.assert(property, { numRuns: most, seed: SEED });
    expect(run).toBeGreaterThanOrEqual(20);
    expect(await inconsistencies(database)).toEqual([]);
  });
});
