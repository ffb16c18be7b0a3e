/** Tells a schedule to a reader. */
import { planOf } from "./plan.ts";
import type { Verdict } from "./schedule.ts";
import type { Failure } from "./simulate.ts";

/** The command that runs the schedule again. */
export function commandOf({ seed, without }: Pick<Failure, "seed" | "without">, fault?: string): string {
  const parts = [
    "npm run simulate --",
    `--seed ${seed}`,
    "--schedules 1",
    ...(without.length > 0 ? [`--without ${without.join(",")}`] : []),
    ...(fault === undefined ? [] : [`--fault "${fault}"`]),
  ];
  return parts.join(" ");
}

/** The story of a schedule: what was planned, who did what when, and which rule was broken. */
export function storyOf({ seed, without }: Pick<Failure, "seed" | "without">, verdict: Verdict): string {
  const { settings, requests, troubles } = planOf(seed, new Set(without));
  const said = Object.entries(settings).map(([name, value]) => `${name} ${String(value)}`);
  const names = new Map<string, string>();
  const lines = verdict.story.map(
    ({ time, who, what }) =>
      `${time.toFixed(1).padStart(10)} ms  ${who.padEnd(8)}  ${withNames(what, names)}`,
  );
  return [
    `Seed ${seed}: ${said.join(", ")}`,
    ...requests.map(
      ({ name, key, input, at }) =>
        `  ${name} asks for key ${key} with input ${input}, from ${Math.round(at)} ms on`,
    ),
    ...troubles.map(
      ({ name, moment, ...trouble }) => `  ${name} ${JSON.stringify(trouble)} ${JSON.stringify(moment)}`,
    ),
    "",
    ...lines,
    "",
    ...(verdict.violations.length > 0
      ? verdict.violations.map((violation) => `BROKEN  ${withNames(violation, names)}`)
      : ["No rule was broken."]),
  ].join("\n");
}

/** Ids are hashes, for which a reader gets short names. */
function withNames(text: string, names: Map<string, string>): string {
  return text.replaceAll(/\b[\w-]{43}\b/g, (id) => {
    const name = names.get(id) ?? `#${names.size + 1}`;
    names.set(id, name);
    return name;
  });
}
