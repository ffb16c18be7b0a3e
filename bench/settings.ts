import { parseArgs } from "node:util";
import { contenders } from "./contenders/index.ts";
import { databases } from "./databases/index.ts";

/** Everything that is measured, by the names that `--only` takes. */
export const QUESTIONS = [
  "throughput",
  "names",
  "duplicates",
  "kills",
  "trips",
  "network",
  "node",
  "processes",
  "http",
  "heap",
  "ambient",
  "size",
  "growth",
  "prune",
] as const;
export type Question = (typeof QUESTIONS)[number];

export interface Settings {
  readonly mode: "full" | "quick" | "smoke";
  readonly questions: readonly Question[];
  readonly contenders: readonly string[];
  readonly databases: readonly string[];
  readonly rounds: number;
  /** Of one contender in one round. */
  readonly seconds: number;
  readonly concurrencies: readonly number[];
  /** Whether all Prisma contenders name their statements. */
  readonly namedStatements: boolean;
  /** Keys that replays are spread over. */
  readonly replayedKeys: number;
  /** Records in the tables of the question "growth". */
  readonly growth: readonly number[];
  /** Expired records that are pruned, and as many that stay. */
  readonly prune: number;
  /** Runs in flight when the heap is measured: in their handler, and waiting for a connection or a lease's end. */
  readonly inFlight: { readonly inHandler: number; readonly queued: number };
  /** How long everything to and from the database takes on its way, in milliseconds. */
  readonly delayMs: number;
  readonly json: string | undefined;
  readonly docs: boolean;
}

const USAGE = `npm run bench -- [options]

  --quick               ends within 3 minutes; leaves out growth and prune
  --smoke               tiny settings, to see that everything runs; its figures mean nothing
  --json FILE           writes all figures
  --docs                writes docs/performance.md and its plots
  --only NAME,...       questions: ${QUESTIONS.join(", ")}
                        and contenders: ${contenders.map(({ name }) => name).join(", ")}
  --databases NAME,...  ${databases.map(({ name }) => name).join(", ")}
  --rounds N  --seconds N
  --delay-ms N          a network before the database that takes N ms each way, for all contenders alike
  --named-statements    Prisma names its statements (statementNameGenerator), for all contenders alike
  --growth N,N,...      records in the tables of the question growth, the smallest first
  --prune N             expired records that are pruned, and as many that stay`;

const MODES = {
  full: {
    rounds: 5,
    seconds: 1.2,
    concurrencies: [1, 8, 32],
    replayedKeys: 2_000,
    growth: [10_000, 1_000_000, 10_000_000],
    prune: 1_000_000,
    inFlight: { inHandler: 40, queued: 1_000 },
  },
  quick: {
    rounds: 3,
    seconds: 0.3,
    concurrencies: [1, 8, 32],
    replayedKeys: 150,
    growth: [10_000, 1_000_000, 10_000_000],
    prune: 1_000_000,
    inFlight: { inHandler: 40, queued: 200 },
  },
  smoke: {
    rounds: 1,
    seconds: 0.05,
    concurrencies: [8],
    replayedKeys: 20,
    growth: [1_000, 5_000],
    prune: 5_000,
    inFlight: { inHandler: 4, queued: 20 },
  },
} as const;

/** Thrown for a command line that cannot be followed; the message says why and how it would go. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  constructor(problem: string) {
    super(problem === "" ? USAGE : `${problem}\n\n${USAGE}`);
  }
}

export function readSettings(args: readonly string[]): Settings {
  const { values } = parse(args);
  if (values.help) throw new UsageError("");
  const mode = values.smoke ? "smoke" : values.quick ? "quick" : "full";
  const defaults = MODES[mode];
  const only = list(values.only) ?? [];
  const names: readonly string[] = contenders.map(({ name }) => name);
  const kinds: readonly string[] = databases.map(({ name }) => name);
  checkNames("--only", only, [...QUESTIONS, ...names]);
  const wanted = list(values.databases) ?? kinds;
  checkNames("--databases", wanted, kinds);
  const questions = QUESTIONS.filter((name) => only.includes(name));
  const growth = list(values.growth)?.map((text) => number("--growth", text));
  const prune = values.prune === undefined ? undefined : number("--prune", values.prune);
  const all = QUESTIONS.filter(
    (name) =>
      mode !== "quick" ||
      (name !== "growth" && name !== "prune") ||
      (name === "growth" ? growth : prune) !== undefined,
  );
  return {
    ...defaults,
    mode,
    questions: questions.length === 0 ? all : questions,
    contenders: names.some((name) => only.includes(name))
      ? names.filter((name) => only.includes(name))
      : names,
    databases: kinds.filter((name) => wanted.includes(name)),
    rounds: number("--rounds", values.rounds ?? String(defaults.rounds)),
    seconds: number("--seconds", values.seconds ?? String(defaults.seconds)),
    namedStatements: values["named-statements"] === true,
    delayMs: values["delay-ms"] === undefined ? 0 : number("--delay-ms", values["delay-ms"]),
    growth: growth ?? defaults.growth,
    prune: prune ?? defaults.prune,
    json: values.json,
    docs: values.docs === true,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean" },
        quick: { type: "boolean" },
        smoke: { type: "boolean" },
        json: { type: "string" },
        docs: { type: "boolean" },
        only: { type: "string" },
        databases: { type: "string" },
        rounds: { type: "string" },
        seconds: { type: "string" },
        "delay-ms": { type: "string" },
        "named-statements": { type: "boolean" },
        growth: { type: "string" },
        prune: { type: "string" },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function list(text: string | undefined): string[] | undefined {
  return text?.split(",").map((name) => name.trim());
}

function checkNames(option: string, names: readonly string[], known: readonly string[]): void {
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new UsageError(`${option}: "${unknown}" is not one of ${known.join(", ")}`);
}

function number(option: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new UsageError(`${option}: "${text}" is not a positive number`);
  return value;
}
