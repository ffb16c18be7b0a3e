/** Looks for a schedule that breaks a rule, and makes it small. */
import { keepContexts } from "../world/context.ts";
import { buildProgram, Image, type Replacement } from "../world/image.ts";
import { partsOf, planOf } from "./plan.ts";
import { runSchedule, type Verdict } from "./schedule.ts";

/** As many as a plan has processes at most. */
const IMAGES = 3;

/** A seed under which a rule was broken. */
export interface Failure {
  readonly seed: number;
  /** What of its plan does not matter. */
  readonly without: readonly string[];
  readonly violations: readonly string[];
}

export interface Search {
  /** Schedules that were run. */
  readonly schedules: number;
  /** Outcomes that were committed in them. */
  readonly committed: number;
  readonly failure: Failure | undefined;
}

/** Runs schedules of the package as it is, or with faults put into it. */
export class Simulator {
  readonly #images: readonly Image[];

  private constructor(images: readonly Image[]) {
    this.#images = images;
  }

  static async load(replacements: readonly Replacement[] = []): Promise<Simulator> {
    const code = await buildProgram(replacements);
    return new Simulator(Array.from({ length: IMAGES }, () => new Image(code)));
  }

  /** Runs one schedule. Told, it keeps its story. */
  async run(seed: number, without: Iterable<string> = [], isTold = false): Promise<Verdict> {
    const plan = planOf(seed, new Set(without));
    const unseen: unknown[] = [];
    const note = (error: unknown) => void unseen.push(error);
    const forget = keepContexts();
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = isTold ? stackTraceLimit : 0;
    process.on("unhandledRejection", note);
    try {
      const verdict = await runSchedule(plan, this.#images, isTold);
      // Node tells of rejections when nothing is left to do.
      await new Promise((resolve) => setImmediate(resolve));
      const rejected = unseen.map((error) => `rejections: nobody has looked at ${String(error)}`);
      return { ...verdict, violations: [...verdict.violations, ...rejected] };
    } finally {
      process.off("unhandledRejection", note);
      Error.stackTraceLimit = stackTraceLimit;
      forget();
    }
  }

  /** Runs the schedules of seeds from `seed` on, while `isToGoOn(done)`, until one breaks a rule. */
  async search(seed: number, isToGoOn: (done: number) => boolean): Promise<Search> {
    let schedules = 0;
    let committed = 0;
    while (isToGoOn(schedules)) {
      const verdict = await this.run(seed + schedules);
      schedules += 1;
      committed += verdict.committed;
      if (verdict.violations.length > 0) {
        const failing = seed + schedules - 1;
        return {
          schedules,
          committed,
          failure: { seed: failing, without: [], violations: verdict.violations },
        };
      }
    }
    return { schedules, committed, failure: undefined };
  }

  /** Leaves out of a failing plan what it fails without, until nothing more can be left out. */
  async shrink(failure: Failure): Promise<Failure> {
    const rule = ruleOf(failure.violations);
    let smallest = failure;
    for (let isSmaller = true; isSmaller; ) {
      isSmaller = false;
      for (const part of partsOf(planOf(failure.seed, new Set(smallest.without)))) {
        const without = [...smallest.without, part];
        const { violations } = await this.run(failure.seed, without);
        if (violations.length > 0 && ruleOf(violations) === rule) {
          smallest = { ...smallest, without, violations };
          isSmaller = true;
          break;
        }
      }
    }
    return smallest;
  }
}

/** The name of the rule that was broken first. */
const ruleOf = ([first = ""]: readonly string[]) => first.slice(0, first.indexOf(":"));
