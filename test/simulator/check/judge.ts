/**
 * The model of a record's life, without a database: it is told what is committed and what is answered, and says what must not be. It goes by
 * the true order of things and by its own reckoning of retention and leases, not by what the rows say.
 */

import { short } from "../database/server.ts";
import type { EffectRow, RecordRow, Row, StepRow } from "../database/tables.ts";
import type { Transaction } from "../database/transaction.ts";

/** A rule that was broken. */
export class Violation extends Error {}

/** One call of a handler. */
export interface Execution {
  readonly number: number;
  readonly recordId: string;
  readonly input: string;
  /** The attempt of a request that it belongs to; `undefined` for a completer's. */
  readonly asked: Asked | undefined;
  readonly mode: "transaction" | "lease";
}

/** One attempt of a request. */
export interface Asked {
  readonly request: string;
  readonly recordId: string;
  readonly input: string;
  /** The database's clock when it was asked. */
  readonly databaseTime: number;
  /** How many outcomes were committed before. */
  readonly committed: number;
  readonly executions: Execution[];
  /** Where it stands in the order of all beginnings and ends of attempts. */
  began: number;
  ended: number;
}

/** An outcome that was committed. */
interface Outcome {
  readonly recordId: string;
  readonly execution: number;
  readonly status: "completed" | "failed";
  readonly answer: string;
  readonly row: RecordRow;
  /** How many outcomes were committed before. */
  readonly number: number;
}

export interface Clock {
  now(): number;
  /** The latest that it has shown. */
  readonly latest: number;
}

/** Clocks of the simulation have fractions of milliseconds, which get lost in texts. */
const ROUNDING_MS = 2;

export class Judge {
  readonly #clock: Clock;
  readonly #get: (key: string) => Row | undefined;
  readonly #retentionMs: number;
  /** The longest time of a transaction, and the second that the store grants it. */
  readonly #transactionMs: number;
  readonly #executions: Execution[] = [];
  readonly #outcomes = new Map<string, Outcome[]>();
  readonly #effects = new Set<number>();
  /** Executions of whom it was said, for good, that nothing of them is committed. */
  readonly #denied = new Map<number, string>();
  /** Executions whose records were deleted by hand. */
  readonly #forgotten = new Set<number>();
  readonly #calledBack = new Set<number>();
  #turns = 0;
  readonly #asked = new Map<string, Set<string>>();
  readonly violations: Violation[] = [];
  /** How many outcomes are committed. */
  committed = 0;

  constructor(
    clock: Clock,
    get: (key: string) => Row | undefined,
    limits: { readonly retentionMs: number; readonly timeoutMs: number },
  ) {
    this.#clock = clock;
    this.#transactionMs = limits.timeoutMs + 1_000;
    this.#get = get;
    this.#retentionMs = limits.retentionMs;
  }

  #broken(rule: string): void {
    this.violations.push(new Violation(short(rule)));
  }

  execution(parts: Omit<Execution, "number">): Execution {
    const execution = { ...parts, number: this.#executions.length + 1 };
    this.#executions.push(execution);
    parts.asked?.executions.push(execution);
    return execution;
  }

  /** A request is sent to a process. */
  asks(asked: Asked): void {
    const { recordId, input } = asked;
    this.#turns += 1;
    asked.began = this.#turns;
    const inputs = this.#asked.get(recordId) ?? new Set();
    this.#asked.set(recordId, inputs.add(input));
  }

  /** It has its answer, or an error. */
  ends(asked: Asked): void {
    this.#turns += 1;
    asked.ended = this.#turns;
  }

  /** Called before the writes of a transaction are committed. */
  committing(transaction: Transaction): void {
    const { writes } = transaction;
    for (const [key, row] of writes) {
      const before = this.#get(key);
      if (row?.kind === "record" || before?.kind === "record") {
        this.#recordChanges(key, before as RecordRow | undefined, row as RecordRow | undefined, transaction);
      }
      if (row?.kind === "step") this.#stepCommits(row, before as StepRow | undefined, transaction);
      if (row?.kind === "effect") this.#effectCommits(row, writes);
    }
  }

  #recordChanges(
    key: string,
    before: RecordRow | undefined,
    after: RecordRow | undefined,
    transaction: Transaction,
  ): void {
    const isForgotten = transaction.deletions.get(key) === "forgotten";
    // Whoever asks afterwards for the outcome of a COMMIT finds none.
    if (isForgotten && before !== undefined) this.#forgotten.add(executionIn(before.response ?? ""));
    if (before !== undefined && before.status !== "in_progress" && before.owner !== after?.owner) {
      const keptUntil = this.#endOf(before) + this.#retentionMs;
      if (!isForgotten && this.#clock.latest + ROUNDING_MS < keptUntil) {
        const what = after === undefined ? "was deleted" : "was claimed anew";
        this.#broken(
          `retention: the outcome of ${before.owner} ${what} ${Math.round(keptUntil - this.#clock.latest)} ms too early`,
        );
      }
    }
    if (before?.status === "in_progress" && before.owner !== "" && before.owner !== after?.owner) {
      if (before.isLeased && this.#clock.latest + ROUNDING_MS < before.leaseEnd) {
        const left = Math.round(before.leaseEnd - this.#clock.latest);
        const isGivenBack = after?.owner === "";
        if (!isGivenBack)
          this.#broken(`lease: ${before.owner} lost its lease to ${after?.owner} with ${left} ms left`);
      }
    }
    const holder = after?.owner === "" ? before?.owner : after?.owner;
    if (after !== undefined && after.by !== holder && holder !== "") {
      this.#broken(`owner: ${after.by} changed the record that ${holder} held`);
    }
    if (after?.status === "in_progress" && after.lockedUntil === null) {
      this.#broken(`atomicity: the record of ${after.owner} was committed in progress, without a lease`);
    }
    if (after !== undefined && after.status !== "in_progress" && before?.response !== after.response) {
      this.#outcomeCommits(after, before, transaction);
    }
  }

  /** When a run has ended, by the database's clock. One in a transaction ends in its time, even if its last message hangs for longer. */
  #endOf({ completedAt, claimedAt, isLeased }: RecordRow): number {
    return Math.min(completedAt ?? 0, isLeased ? Number.POSITIVE_INFINITY : claimedAt + this.#transactionMs);
  }

  #outcomeCommits(row: RecordRow, before: RecordRow | undefined, transaction: Transaction): void {
    const execution = executionIn(row.response ?? "");
    const known = this.#executions[execution - 1];
    if (known === undefined || known.recordId !== row.id) {
      // What a completer gives up has no execution.
      this.#note(row, execution);
      return;
    }
    if (known.mode === "lease" && before?.owner !== row.owner) {
      this.#broken(
        `lease: the outcome of execution ${execution} was stored by ${row.owner}, who did not hold the record`,
      );
    }
    if (before !== undefined && before.status !== "in_progress" && before.owner === row.owner) {
      this.#broken(`one outcome: that of ${row.owner} was replaced`);
    }
    const order = Number(/order#(\d+)/.exec(row.response ?? "")?.[1] ?? 0);
    if (known.mode === "lease" && row.status === "completed" && !this.#effects.has(order)) {
      this.#broken(
        `atomicity: the outcome of execution ${execution} goes by step order (${order}), which is not committed`,
      );
    }
    const effect = transaction.writes.get(`effect ${execution}`);
    if (known.mode === "transaction" && row.status === "completed" && effect === undefined) {
      this.#broken(`atomicity: the outcome of execution ${execution} was committed without its effect`);
    }
    if (fingerprintOf(known.input, row) === false) {
      this.#broken(`input: the outcome of an execution with input ${known.input} was stored for another`);
    }
    this.#note(row, execution);
    this.#throwIfDenied(execution);
  }

  #note(row: RecordRow, execution: number): void {
    const outcomes = this.#outcomes.get(row.id) ?? [];
    outcomes.push({
      recordId: row.id,
      execution,
      status: row.status as "completed" | "failed",
      answer: row.response ?? "",
      row,
      number: this.committed,
    });
    this.committed += 1;
    this.#outcomes.set(row.id, outcomes);
  }

  #throwIfDenied(execution: number): void {
    const denial = this.#denied.get(execution);
    if (denial !== undefined && !this.#forgotten.has(execution)) {
      this.#broken(
        `denied: execution ${execution} is committed, though its caller was told for good: ${denial}`,
      );
    }
  }

  #stepCommits(step: StepRow, before: StepRow | undefined, transaction: Transaction): void {
    const record = transaction.get(`record ${step.recordId}`) as RecordRow | undefined;
    if (record?.owner !== step.by || record.status !== "in_progress") {
      this.#broken(
        `fence: ${step.by} recorded step ${step.name}, and the record is ${record?.owner ?? "nobody"}'s`,
      );
    }
    if (before?.recordCreatedAt === step.recordCreatedAt && before.response !== step.response) {
      this.#broken(`once: step ${step.name} was recorded again, with another result`);
    }
  }

  #effectCommits(effect: EffectRow, writes: ReadonlyMap<string, Row | undefined>): void {
    const { execution, recordId, step } = effect;
    const record = writes.get(`record ${recordId}`) as RecordRow | undefined;
    const recorded = writes.get(`step ${recordId} ${step}`) as StepRow | undefined;
    if (
      step === null &&
      (record?.status !== "completed" || executionIn(record.response ?? "") !== execution)
    ) {
      this.#broken(`atomicity: the effect of execution ${execution} was committed without its outcome`);
    }
    if (step !== null && executionIn(recorded?.response ?? "") !== execution) {
      this.#broken(`atomicity: the effect of step ${step} (${execution}) was committed without the step`);
    }
    if (this.#effects.has(execution))
      this.#broken(`once: the effect of execution ${execution} was committed twice`);
    this.#effects.add(execution);
    if (step === null) this.#throwIfDenied(execution);
  }

  /** A request was answered, with a value or with a stored error. `answer` is what tells one from another. */
  answered(asked: Asked, execution: number, input: string, isReplayed: boolean): void {
    const { request, recordId } = asked;
    if (input !== asked.input) {
      this.#broken(`input: ${request} asked with ${asked.input}, and got the answer to ${input}`);
    }
    const outcome = this.#outcomes.get(recordId)?.find((known) => known.execution === execution);
    if (outcome === undefined) {
      this.#broken(
        `acknowledged: ${request} was answered with execution ${execution}, which is not committed`,
      );
      return;
    }
    // Who has waited for the end of a run, in memory too, gets its outcome, whenever it comes.
    const isAwaited = (this.#executions[execution - 1]?.asked?.ended ?? 0) > asked.began;
    if (
      isReplayed &&
      !isAwaited &&
      outcome.number < asked.committed &&
      outcome.row.expiresAt + ROUNDING_MS < asked.databaseTime
    ) {
      this.#broken(
        `retention: ${request} was answered with execution ${execution}, whose record had expired when it asked`,
      );
    }
    if (!isReplayed && !asked.executions.some(({ number }) => number === execution)) {
      this.#broken(`replayed: ${request} got execution ${execution} of another as its own`);
    }
  }

  /** A request failed for good. */
  failed(asked: Asked, error: string): void {
    const outcomes = this.#outcomes.get(asked.recordId) ?? [];
    for (const { number } of asked.executions) {
      this.#denied.set(number, error);
      if (outcomes.some(({ execution }) => execution === number)) this.#throwIfDenied(number);
    }
  }

  /** A request was told that its key was used with another input. */
  refused(asked: Asked): void {
    if (this.#asked.get(asked.recordId)?.size === 1)
      this.#broken(`key: ${asked.request} was told that its key was used with another input; it was not`);
  }

  calledBack(execution: number): void {
    if (!this.#effects.has(execution)) {
      this.#broken(`callback: that of execution ${execution} was called, which is not committed`);
    }
    if (this.#calledBack.has(execution))
      this.#broken(`callback: that of execution ${execution} was called twice`);
    this.#calledBack.add(execution);
  }

  /** Something that must never happen. */
  never(what: string): void {
    this.#broken(what);
  }
}

/** The execution that a stored text names. 0 if it names none. */
export function executionIn(response: string): number {
  return Number(/execution#(\d+)/.exec(response)?.[1] ?? 0);
}

/** Whether the record is of that input, if its text tells. */
function fingerprintOf(input: string, { response }: RecordRow): boolean | undefined {
  const named = /input#(\w+)/.exec(response ?? "")?.[1];
  return named === undefined ? undefined : named === input;
}
