import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestPointFacts } from "../../core/contract/test-points.ts";
import { answerOf, isSame } from "./answers.ts";
import type { Fault } from "./faults.ts";
import { type Findings, isMore, shownDifferences } from "./findings.ts";
import type { ResolvedOptions, ScenarioName } from "./options.ts";
import { type Counts, changes, countsOf, differences } from "./state.ts";
import type { Watch, WatchedCall } from "./watch.ts";

/** How often a call is retried that must get an answer in the end. */
const RETRIES_MAX = 5;
const PAUSE_MS = 50;

/** What all scenarios have in common. */
export interface Bench {
  readonly watch: Watch;
  readonly options: ResolvedOptions;
  readonly findings: Findings;
}

/** Calls with one key, and what they change. */
export class Trial {
  readonly name: string;
  readonly #bench: Bench;
  readonly #key: string = `onceonly-testing-${randomUUID()}`;
  readonly #calls: WatchedCall[] = [];
  readonly #reported: Set<string> = new Set();
  #attempt = 0;
  #before: Counts = new Map();

  private constructor(bench: Bench, name: string) {
    this.#bench = bench;
    this.name = name;
  }

  static async begin(bench: Bench, name: string): Promise<Trial> {
    const trial = new Trial(bench, name);
    const [caller = "a"] = bench.options.callers ?? [];
    await bench.options.prepare({ key: trial.#key, attempt: 1, caller });
    trial.#before = await trial.#look();
    return trial;
  }

  /** One more call. */
  async call(how: CallOptions = {}): Promise<WatchedCall> {
    const { fault, onBegun, caller = this.#bench.options.callers?.[0] ?? "a" } = how;
    this.#attempt += 1;
    const call = await this.#bench.watch.call(
      { key: this.#key, attempt: this.#attempt, caller },
      fault,
      onBegun,
    );
    this.#calls.push(call);
    return call;
  }

  /** Retries until there is an answer. `first` is the call that has got none. */
  async retry(first?: WatchedCall): Promise<WatchedCall | undefined> {
    let last = first;
    for (let retry = 0; retry < RETRIES_MAX; retry += 1) {
      last = await this.call();
      if (last.isAnswered) {
        return last;
      }
      if (isFinal(last)) {
        break;
      }
      await sleep(PAUSE_MS);
    }
    const { findings } = this.#bench;
    const [code = ""] = last?.refusals ?? [];
    if (FINAL.has(code)) {
      findings.add(
        "refused",
        this.name,
        `A retry was refused with ${code}${code === "KEY_REUSED" ? REUSED : ""}.`,
        code,
      );
    } else {
      findings.add(
        "failed",
        this.name,
        `Retries do not get an answer; the last one ended with: ${last?.reason}`,
      );
    }
    return undefined;
  }

  /** What has changed since the beginning. */
  async changed(): Promise<Counts> {
    await sleep(this.#bench.options.settleMs);
    return changes(this.#before, await this.#look());
  }

  /** What must not be there, as the only attempt was rolled back. */
  async expectNothing(): Promise<void> {
    const found = differences(await this.changed(), new Map());
    for (const { path, change } of found) {
      this.#reported.add(path);
      this.#bench.findings.add(
        "outside",
        this.name,
        `${path} has changed by ${change > 0 ? "+" : ""}${change} in an attempt that was rolled back: that effect is outside of ` +
          "the transaction, and the retry repeats it. Write it through tx, such as a row of an outbox; or use afterCommit, or a " +
          "step of a leased run.",
        path,
      );
    }
  }

  /** Compares with what `expected` says, and reports what was told of the calls. */
  async expect(expected: Counts): Promise<void> {
    const found = differences(await this.changed(), expected).filter(({ path }) => !this.#reported.has(path));
    const [more, less] = [found.filter(isMore), found.filter((each) => !isMore(each))];
    const { findings } = this.#bench;
    if (more.length > 0) {
      findings.add(
        "repeated",
        this.name,
        `Executed more than once: ${shownDifferences(more)}.`,
        pathsOf(more),
      );
    }
    if (less.length > 0) {
      findings.add(
        "missing",
        this.name,
        `Less than one execution is left, and the caller has an answer: ${shownDifferences(less)}.${this.name === AFTER_COMMIT ? LOST : ""}`,
        pathsOf(less),
      );
    }
    this.report();
  }

  /** Reports what was told of the calls. */
  report(): void {
    const { findings } = this.#bench;
    for (const call of this.#calls) {
      if (call.unkeyed > 0) {
        findings.add("unkeyed", this.name, UNKEYED);
      }
      for (const facts of call.uncovered) {
        const { action = "a write", callSite = "an unknown place" } = facts;
        const text =
          `A write did not join the transaction: ${action} at ${callSite}. Write through tx, through join(client), or ` +
          "through a client that withAmbientTransaction returned.";
        findings.add("uncovered write", this.name, text, placeOf(facts));
      }
      for (const facts of call.late) {
        findings.add("late statement", this.name, lateText(facts), placeOf(facts));
      }
    }
  }

  /** Each call must be about the same record, and be answered with the same. */
  async expectSame(calls: readonly WatchedCall[]): Promise<void> {
    const { findings } = this.#bench;
    const records = new Set(calls.filter(({ runs }) => runs.length > 0).map((call) => call.records));
    if (records.size > 1) {
      findings.add("another record", this.name, anotherRecord(records.size));
    }
    const answers = await Promise.all(
      calls.filter(({ isAnswered }) => isAnswered).map(({ end }) => answerOf(end)),
    );
    if (answers.some((answer) => !isSame(answer, answers[0]))) {
      findings.add("another answer", this.name, OTHER_ANSWER);
    }
  }

  async #look(): Promise<Counts> {
    return countsOf(await this.#bench.options.observe());
  }
}

export interface CallOptions {
  readonly fault?: Fault;
  readonly caller?: string | undefined;
  /** Called when its run begins. */
  readonly onBegun?: () => void;
}

/** Refusals that no retry passes. */
const FINAL: ReadonlySet<string> = new Set([
  "KEY_REUSED",
  "KEY_INVALID",
  "KEY_MISSING",
  "INPUT_INVALID",
  "SCOPE_MISSING",
]);

const isFinal = ({ refusals }: WatchedCall): boolean => refusals.some((code) => FINAL.has(code));

const AFTER_COMMIT = "kill after COMMIT" satisfies ScenarioName;

const LOST =
  " What comes after the commit is lost with its process, such as what was given to afterCommit: if it must happen, write it down " +
  "through tx, such as a row of an outbox.";

const REUSED =
  ": its input is not that of the first call. Something in it differs from call to call, such as a time or a random value";

const UNKEYED =
  "A call was executed without a key, and a retry executes again. Send the key that the mutation is called with, and require one.";

const OTHER_ANSWER =
  "A duplicate was answered with something else than the first call: a retry must get what was lost. " +
  "What does the mutation add after the run, or what does the codec not restore?";

const anotherRecord = (count: number): string =>
  `Calls with the same key asked for ${count} records: the key, the scope or the operation differs from call to call. A key is made ` +
  "once, by the client, and kept for its retries.";

const lateText = ({ operation = "the mutation" }: TestPointFacts): string =>
  `A statement came after the handler of ${operation} had ended, and was not sent: the handler did not await it. Await every statement.`;

const placeOf = ({ action, callSite, operation }: TestPointFacts): string =>
  [operation, action, callSite].join(" ");

const pathsOf = (those: readonly { readonly path: string }[]): string =>
  those.map(({ path }) => path).join(" ");
