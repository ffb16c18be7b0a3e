/**
 * Looks for a schedule that breaks a rule (docs/internals/simulator.md):
 *
 *     npm run simulate -- [--seed 1] [--minutes 1] [--schedules 1000] [--without r1,t0] [--fault "a replay does not compare the input"]
 *
 * Without a seed it takes one from the clock. With --schedules 1 it tells the story of the one schedule.
 */
import { parseArgs } from "node:util";
import { FAULTS } from "../test/simulator/check/faults.ts";
import { commandOf, storyOf } from "../test/simulator/check/report.ts";
import { Simulator } from "../test/simulator/check/simulate.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    minutes: { type: "string", default: "1" },
    schedules: { type: "string" },
    without: { type: "string" },
    fault: { type: "string" },
  },
});

const numberOf = (name: string, text: string): number => {
  const number = Number(text);
  if (text === "" || !Number.isFinite(number)) throw new Error(`--${name} is "${text}"; give a number`);
  return number;
};

const seed = values.seed === undefined ? Date.now() % 2 ** 31 : numberOf("seed", values.seed);
const without = values.without?.split(",") ?? [];
const fault = FAULTS.find(({ name }) => name === values.fault);
if (values.fault !== undefined && fault === undefined) {
  throw new Error(
    `--fault is "${values.fault}"; give one of:\n${FAULTS.map(({ name }) => `  ${name}`).join("\n")}`,
  );
}
const most =
  values.schedules === undefined ? Number.POSITIVE_INFINITY : numberOf("schedules", values.schedules);
const until = performance.now() + numberOf("minutes", values.minutes) * 60_000;

const simulator = await Simulator.load(fault?.replacements);
if (most === 1) {
  const verdict = await simulator.run(seed, without, true);
  console.log(storyOf({ seed, without }, verdict));
  process.exitCode = verdict.violations.length > 0 ? 1 : 0;
} else {
  console.log(`Seeds from ${seed} on`);
  const begin = performance.now();
  const found = await simulator.search(seed, (done) => done < most && performance.now() < until);
  const seconds = (performance.now() - begin) / 1_000;
  console.log(
    `${found.schedules} schedules in ${seconds.toFixed(1)} s (${Math.round(found.schedules / seconds)} a second), ` +
      `in which ${found.committed} outcomes were committed`,
  );
  if (found.failure === undefined) {
    console.log("No rule was broken.");
  } else {
    const smallest = await simulator.shrink(found.failure);
    const verdict = await simulator.run(smallest.seed, smallest.without, true);
    console.log(`\n${storyOf(smallest, verdict)}\n\nAgain: ${commandOf(smallest, fault?.name)}`);
    process.exitCode = 1;
  }
}
