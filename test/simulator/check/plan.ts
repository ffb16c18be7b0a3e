/** What is asked of whom, and what goes wrong: all of it made from a seed, and each part can be left out. */

import type { Cut } from "../database/network.ts";
import type { Kind } from "../program/dialect.ts";
import { Choices } from "../world/random.ts";

/** Milliseconds, if nothing else is said. */
export interface Settings {
  readonly kind: Kind;
  readonly mode: "transaction" | "lease";
  readonly processes: number;
  /** Connections of each process. */
  readonly connections: number;
  readonly retentionMs: number;
  readonly waitMs: number;
  readonly onDuplicate: "wait" | "reject";
  readonly outageMs: number;
  readonly timeoutMs: number;
  readonly maxWaitMs: number;
  readonly leaseMs: number;
  readonly retryConflicts: number | undefined;
  readonly storesErrors: boolean;
  readonly hasCompleter: boolean;
  /** How long the nodes of a cluster may take to agree. */
  readonly lagMs: number;
}

/** What a handler does, beside writing its effect. */
export interface Behaviour {
  readonly sleepBeforeMs: number;
  readonly sleepAfterMs: number;
  /** Rows that other handlers change too, in this order. */
  readonly accounts: readonly string[];
  readonly end: "returns" | "throws an answer" | "throws";
  /** Whether it goes on after a statement that has failed. */
  readonly swallows: boolean;
  /** Whether it deletes its own record. */
  readonly tampers: boolean;
}

/** A client who wants one thing, and asks until it is answered. */
export interface Request {
  readonly name: string;
  readonly key: string;
  readonly input: string;
  readonly at: number;
  /** Which process is asked, by the number of the attempt. */
  readonly processes: readonly number[];
  /** After how long it stops waiting for an answer and asks again. */
  readonly patienceMs: number;
  readonly retryMs: number;
  readonly isRetry: boolean;
  /** By the number of the execution. */
  readonly behaviours: readonly Behaviour[];
}

/** When something goes wrong: at a time, or with a message to the database, the one of that number of its kind. */
type Moment =
  | { readonly at: number }
  | { readonly with: string; readonly number: number; readonly side: "before" | "after" };

export type Trouble = { readonly name: string; readonly moment: Moment } & (
  | { readonly what: "kill"; readonly process: number; readonly backAfterMs: number; readonly death: Cut }
  | { readonly what: "stop"; readonly process: number; readonly forMs: number }
  | ({ readonly what: "cut" } & Cut)
  /** The message is answered with an error of this code, and not executed. */
  | { readonly what: "fail"; readonly code: string }
  | { readonly what: "read only"; readonly forMs: number }
  | { readonly what: "crash"; readonly downMs: number }
  | { readonly what: "slow"; readonly times: number; readonly forMs: number }
  | { readonly what: "database clock"; readonly byMs: number }
  | { readonly what: "process clock"; readonly process: number; readonly byMs: number }
  | { readonly what: "prune"; readonly process: number }
  | { readonly what: "forget"; readonly process: number; readonly key: string }
);

export interface Plan {
  readonly seed: number;
  readonly settings: Settings;
  readonly requests: readonly Request[];
  readonly troubles: readonly Trouble[];
}

/**
 * The plan of a seed, without the parts that are named: a request ("r1"), what its handlers do beside writing ("r1.behaviours"), a trouble
 * ("t0"), the last process ("P3"), the completer.
 */
export function planOf(seed: number, without: ReadonlySet<string> = new Set()): Plan {
  const made = settingsOf(new Choices(seed, "settings"));
  const choices = new Choices(seed, "sizes");
  const requests = Array.from({ length: choices.whole(2, 5) }, (_, n) => requestOf(seed, n, made));
  const troubles = Array.from({ length: choices.whole(0, 4) }, (_, n) => troubleOf(seed, n, made));
  const processes = namesOf(made).filter((name) => !without.has(name)).length;
  const settings = {
    ...made,
    processes,
    hasCompleter: made.hasCompleter && !without.has("completer"),
  };
  return {
    seed,
    settings,
    requests: requests
      .filter(({ name }) => !without.has(name))
      .map((request) => ({
        ...request,
        processes: request.processes.map((process) => process % processes),
        behaviours: without.has(`${request.name}.behaviours`) ? [] : request.behaviours,
      })),
    troubles: troubles.filter(({ name }) => !without.has(name)),
  };
}

const namesOf = ({ processes }: Settings) => Array.from({ length: processes }, (_, n) => `P${n + 1}`);

/** What of a plan can be left out: large parts first. */
export function partsOf({ settings, requests, troubles }: Plan): readonly string[] {
  return [
    ...namesOf(settings).slice(1).toReversed(),
    ...requests.map(({ name }) => name),
    ...troubles.map(({ name }) => name),
    ...(settings.hasCompleter && settings.mode === "lease" ? ["completer"] : []),
    ...requests.filter(({ behaviours }) => behaviours.length > 0).map(({ name }) => `${name}.behaviours`),
  ];
}

function settingsOf(choices: Choices): Settings {
  const retentionMs = choices.of([3_000, 10_000, 60_000, 86_400_000, 86_400_000]);
  const timeoutMs = choices.of([500, 2_000, 5_000]);
  return {
    kind: choices.of<Kind>(["postgresql", "postgresql", "one by one", "cluster"]),
    mode: choices.of(["transaction", "lease"]),
    processes: choices.whole(1, 3),
    connections: choices.whole(1, 4),
    retentionMs,
    waitMs: choices.of([0, 500, 3_000, 10_000]),
    onDuplicate: choices.happens(0.8) ? "wait" : "reject",
    outageMs: Math.min(retentionMs, choices.of([0, 1_000, 10_000, 60_000])),
    timeoutMs,
    maxWaitMs: choices.of([300, 2_000]),
    leaseMs: Math.max(timeoutMs, choices.of([500, 2_000, 10_000])),
    retryConflicts: choices.of([undefined, 0, 3]),
    storesErrors: choices.happens(0.5),
    hasCompleter: choices.happens(0.6),
    lagMs: choices.of([3, 3, 1_000, 5_000]),
  };
}

function requestOf(seed: number, number: number, settings: Settings): Request {
  const name = `r${number}`;
  const choices = new Choices(seed, name);
  return {
    name,
    key: choices.happens(0.8) ? "A" : "B",
    input: choices.happens(0.85) ? "x" : "y",
    // Most come together; some when others are over.
    at: choices.happens(0.6)
      ? choices.between(0, 50)
      : choices.logarithmic(50, 2 * Math.min(settings.retentionMs, 20_000)),
    processes: Array.from({ length: 6 }, () => choices.whole(0, settings.processes - 1)),
    patienceMs: choices.of([300, 2_000, 20_000, 120_000]),
    retryMs: choices.logarithmic(1, 2_000),
    isRetry: choices.happens(0.2),
    behaviours: Array.from({ length: 3 }, () => behaviourOf(choices, settings)),
  };
}

function behaviourOf(choices: Choices, settings: Settings): Behaviour {
  const sleep = () =>
    choices.happens(0.5) ? 0 : choices.logarithmic(1, choices.happens(0.2) ? settings.timeoutMs * 1.5 : 300);
  return {
    sleepBeforeMs: sleep(),
    sleepAfterMs: sleep(),
    accounts: choices.of([[], [], [], ["1"], ["1", "2"], ["2", "1"]]),
    end: choices.of(["returns", "returns", "returns", "returns", "returns", "throws an answer", "throws"]),
    swallows: choices.happens(0.05),
    tampers: settings.mode === "transaction" && choices.happens(0.02),
  };
}

/** An internal error. */
export const UNKNOWN_CODE = "XX000";

const MESSAGES: Readonly<Record<Settings["mode"], readonly string[]>> = {
  transaction: ["COMMIT", "COMMIT", "COMMIT", "BEGIN", "effect", "complete", "insert", "claim", "read", ""],
  lease: [
    "COMMIT",
    "COMMIT",
    "claim",
    "claim",
    "recordStep",
    "renew",
    "complete",
    "giveBack",
    "BEGIN",
    "effect",
    "",
  ],
};

/** Write conflicts, waits that have ended, a lack of memory, and one that nobody knows. */
const CODES = ["40001", "40P01", "55P03", "57014", "53200", UNKNOWN_CODE];

function troubleOf(seed: number, number: number, settings: Settings): Trouble {
  const name = `t${number}`;
  const choices = new Choices(seed, name);
  const at = choices.happens(0.5) ? choices.between(0, 100) : choices.logarithmic(10, 20_000);
  const message = choices.of(MESSAGES[settings.mode]);
  const withMessage = {
    with: message,
    number: message === "" ? choices.whole(1, 12) : choices.whole(1, 3),
    side: choices.happens(0.7) ? ("after" as const) : ("before" as const),
  };
  const moment = choices.happens(0.7) ? withMessage : { at };
  const process = choices.whole(0, settings.processes - 1);
  switch (
    choices.of([
      "cut",
      "cut",
      "cut",
      "cut",
      "kill",
      "kill",
      "stop",
      "stop",
      "crash",
      "fail",
      "fail",
      "slow",
      "read only",
      "clock",
      "upkeep",
    ])
  ) {
    case "kill":
      return {
        name,
        moment,
        what: "kill",
        process,
        backAfterMs: choices.logarithmic(10, 3_000),
        death: deathOf(choices, settings),
      };
    case "stop":
      return { name, moment, what: "stop", process, forMs: choices.logarithmic(10, 3 * settings.leaseMs) };
    case "fail":
      return { name, moment: { ...withMessage, side: "before" }, what: "fail", code: choices.of(CODES) };
    case "read only":
      return { name, moment, what: "read only", forMs: choices.logarithmic(10, 5_000) };
    case "crash":
      return { name, moment, what: "crash", downMs: choices.logarithmic(10, 30_000) };
    case "slow":
      return {
        name,
        moment: { at },
        what: "slow",
        times: choices.of([30, 300]),
        forMs: choices.logarithmic(50, 5_000),
      };
    case "clock": {
      const byMs = choices.of([-1, 1]) * choices.logarithmic(10, 2 * settings.leaseMs);
      return choices.happens(0.4)
        ? { name, moment: { at }, what: "database clock", byMs }
        : { name, moment: { at }, what: "process clock", process, byMs };
    }
    case "upkeep":
      return choices.happens(0.7)
        ? { name, moment: { at: at * 2 }, what: "prune", process }
        : { name, moment: { at: at * 2 }, what: "forget", process, key: "A" };
    default:
      return { name, moment: withMessage, what: "cut", ...cutOf(choices) };
  }
}

/** The kernel of a dead process closes its sockets; that of a dead machine does not. */
function deathOf(choices: Choices, { leaseMs }: Settings): Cut {
  const isMachine = choices.happens(0.5);
  return {
    clientAfterMs: 0,
    serverAfterMs: isMachine ? choices.logarithmic(1_000, 30_000) : choices.between(0, 5),
    arriving: choices.happens(0.8) ? 1_000 : choices.whole(0, 1),
    lateMs: isMachine && choices.happens(0.7) ? choices.logarithmic(leaseMs / 2, 5 * leaseMs) : 0,
    words: "known",
  };
}

function cutOf(choices: Choices): Cut {
  const isBlackHole = choices.happens(0.25);
  const lateMs = choices.happens(0.4) ? choices.logarithmic(1, 10_000) : 0;
  return {
    clientAfterMs: isBlackHole ? choices.logarithmic(1_000, 60_000) : choices.between(0, 2),
    serverAfterMs: choices.happens(0.5) ? choices.between(0, 5) : choices.logarithmic(10, 30_000),
    arriving: choices.happens(0.7) ? 1_000 : 0,
    lateMs,
    words: choices.happens(0.85) ? ("known" as const) : ("unknown" as const),
  };
}
