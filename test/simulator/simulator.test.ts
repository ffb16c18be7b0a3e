/** Core and store over a simulated database, in simulated time: docs/internals/simulator.md. */
import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, it } from "vitest";
import { SEED } from "../chaos/seeded.ts";
import { budget, scaled, times } from "../support/scale.ts";
import { FAULTS, type Fault } from "./check/faults.ts";
import { commandOf, storyOf } from "./check/report.ts";
import { type Failure, Simulator } from "./check/simulate.ts";
import { keepContexts, SimulatedStorage } from "./world/context.ts";
import { buildProgram } from "./world/image.ts";

const ms = times({ short: 5_000, long: 120_000 });

/** Of every schedule that has broken a rule; what was wrong then stands beside it. */
const BROKEN_ONCE: readonly (Pick<Failure, "seed" | "without"> & { readonly why: string })[] = [
  {
    seed: 4356,
    without: ["r3", "P3", "P2", "t2", "completer", "r0.behaviours", "r1.behaviours", "r2.behaviours"],
    why: "a leased run was refused for good, and its outcome was stored: neither that nor giving back was answered in known words",
  },
  {
    seed: 5033211,
    without: ["r0", "t0", "r2", "r4", "completer", "r3.behaviours"],
    why: "the same: the lease was given back by a second try, which found nothing to give back, as the outcome was stored",
  },
  {
    seed: 9005309,
    without: ["t1", "r1.behaviours"],
    why: "a claim whose second BEGIN failed for a reason that passes was refused for good",
  },
];

/** What is found at once; the others take up to ten thousand schedules. */
const QUICK = new Set([
  "a replay does not compare the input",
  "a COMMIT without an answer counts as done",
  "an error is stored beside what its handler has written",
]);
const sought = scaled({ short: FAULTS.filter(({ name }) => QUICK.has(name)), long: FAULTS });

async function told(simulator: Simulator, failure: Failure): Promise<string> {
  const smallest = await simulator.shrink(failure);
  const verdict = await simulator.run(smallest.seed, smallest.without, true);
  return `${storyOf(smallest, verdict)}\n\nAgain: ${commandOf(smallest)}`;
}

describe("the simulator", () => {
  it(`finds no broken rule in the schedules from CHAOS_SEED=${SEED} on`, async () => {
    const simulator = await Simulator.load();
    const isToGoOn = budget({ least: 100, most: Number.POSITIVE_INFINITY, ms });
    const { schedules, committed, failure } = await simulator.search(SEED, isToGoOn);
    expect(failure && (await told(simulator, failure))).toBeUndefined();
    // They are about something.
    expect(committed).toBeGreaterThan(schedules / 2);
  });

  it("finds no broken rule in the schedules that have broken one", async () => {
    const simulator = await Simulator.load();
    for (const { seed, without, why } of BROKEN_ONCE) {
      const { violations } = await simulator.run(seed, without);
      expect(violations, `seed ${seed}: ${why}`).toEqual([]);
    }
  });

  it("tells the same story of the same seed", async () => {
    const tell = async () => {
      const simulator = await Simulator.load();
      // What was run before makes no difference.
      await simulator.run(SEED - 1);
      return storyOf({ seed: SEED, without: [] }, await simulator.run(SEED, [], true));
    };
    expect(await tell()).toBe(await tell());
  });

  it.each(sought)("finds the fault: $name", async ({ replacements, from = 1 }: Fault) => {
    const simulator = await Simulator.load(replacements);
    const { failure } = await simulator.search(from, (done) => done < 30_000);
    expect(failure).toBeDefined();
  });

  it("makes a failing schedule small, and repeats it", async () => {
    const fault = FAULTS.find(({ name }) => name === "any failed COMMIT counts as rolled back") as Fault;
    const simulator = await Simulator.load(fault.replacements);
    const { failure } = await simulator.search(1, (done) => done < 30_000);
    const smallest = await simulator.shrink(failure as Failure);
    const verdict = await simulator.run(smallest.seed, smallest.without, true);
    expect(verdict.violations).toEqual(smallest.violations);
    const story = storyOf(smallest, verdict);
    expect(story).toMatch(/cuts P\d\/\d as it sends that/);
    expect(story).toMatch(/BROKEN {2}denied: execution \d+ is committed/);
    expect(story.split("\n").length).toBeLessThan(60);
  });

  it("keeps the context of code that waits as Node does", async () => {
    const told = async (storage: Pick<AsyncLocalStorage<string>, "getStore" | "run">) => {
      const seen: (string | undefined)[] = [];
      const look = () => void seen.push(storage.getStore());
      const later = new Promise<void>((resolve) => {
        queueMicrotask(resolve);
      });
      const inner = storage.run("outer", async () => {
        look();
        const nested = storage.run("inner", async () => {
          await later;
          look();
        });
        look();
        await nested;
        look();
        await later.then(look);
      });
      look();
      await Promise.all([inner, later.finally(look)]);
      look();
      return seen;
    };
    const forget = keepContexts();
    const simulated = await told(new SimulatedStorage<string>()).finally(forget);
    expect(simulated).toEqual(await told(new AsyncLocalStorage<string>()));
    expect(simulated).toContain("inner");
  });

  it("refuses a fault whose text the code does not have", async () => {
    const file = "src/core/create.ts";
    await expect(buildProgram([{ file, text: "no such text", by: "" }])).rejects.toThrow(
      "src/core/create.ts has 0 times, and not once: no such text",
    );
    await expect(buildProgram([{ file: "src/none.ts", text: "", by: "" }])).rejects.toThrow(
      "The program has no file src/none.ts",
    );
  });
});
