import { randomUUID } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { isIdempotencyError } from "../../core/contract/errors/errors.ts";
import type { Idempotency } from "../../core/contract/idempotency.ts";
import type { Finding } from "../../core/contract/upkeep/finding.ts";
import type { RecordIdentity } from "../../core/contract/upkeep/inspection.ts";
import { CliError } from "../cli-error.ts";
import { failureOf, sentenceOf } from "../failure.ts";
import { stoppable } from "../terminal/stopping.ts";

/** Under which the run leaves its record, for the moment that it takes. */
export const CHECK_OPERATION = "onceonly/check";
const SCOPE = "onceonly";

/** Should the process be killed in between, what it leaves is pruned after that time. */
const RETENTION_MS = 60_000;

const fatal = (message: string): Finding => ({ severity: "fatal", subject: "a live run", message });

/**
 * Has a key executed, replayed and forgotten, as the application would, in records of its own.
 *
 * @returns what went wrong.
 * @throws {@link IdempotencyError} `STORE_UNAVAILABLE`
 * @throws {@link CliError} when it was stopped.
 */
export function liveRun(idempotency: Idempotency<unknown>): Promise<readonly Finding[]> {
  return stoppable((signal) => tried(idempotency, signal));
}

async function tried(idempotency: Idempotency<unknown>, signal: AbortSignal): Promise<readonly Finding[]> {
  const record = { operation: CHECK_OPERATION, scope: SCOPE, key: randomUUID() };
  const run = await settled(() => executedOnce(idempotency, record));
  const removed = await settled(() => removedAgain(idempotency, record));
  // A signal is heard of in a turn of the event loop, which SQLite's driver leaves no time for.
  await setImmediate();
  if (signal.aborted) {
    throw new CliError("The check was stopped; its record is removed.");
  }
  if ("unavailable" in run && !("unavailable" in removed)) {
    throw run.unavailable;
  }
  if ("unavailable" in removed) {
    throw new CliError(
      `The record ${record.key} of ${CHECK_OPERATION} was not removed; it expires in a minute. ${failureOf(removed.unavailable)}`,
      { cause: removed.unavailable },
    );
  }
  const problems = "problem" in run && run.problem !== undefined ? [run.problem] : [];
  // What was never made cannot be removed.
  return problems.length > 0 || removed.problem === undefined
    ? problems.map(fatal)
    : [fatal(removed.problem)];
}

type Settled = { readonly problem: string | undefined } | { readonly unavailable: unknown };

async function settled(work: () => Promise<string | undefined>): Promise<Settled> {
  try {
    return { problem: await work() };
  } catch (error) {
    return isIdempotencyError(error) && error.code === "STORE_UNAVAILABLE"
      ? { unavailable: error }
      : { problem: `It failed: ${isIdempotencyError(error) ? failureOf(error) : sentenceOf(error)}` };
  }
}

async function executedOnce(
  idempotency: Idempotency<unknown>,
  record: RecordIdentity,
): Promise<string | undefined> {
  let executions = 0;
  const request = { ...record, input: record.key, retentionMs: RETENTION_MS, outageMs: 0 };
  const run = () =>
    idempotency.run(request, async () => {
      executions += 1;
      return record.key;
    });
  const first = await run();
  const second = await run();
  if (executions !== 1 || first.replayed || !second.replayed) {
    return `A retry was to be replayed, and the handler was executed ${executions} times.`;
  }
  return second.value === record.key
    ? undefined
    : "The replay had another result than the execution: the codec does not give back what it was given.";
}

async function removedAgain(
  idempotency: Idempotency<unknown>,
  record: RecordIdentity,
): Promise<string | undefined> {
  const forgotten = await idempotency.forget(record);
  const { state } = await idempotency.inspect(record);
  return forgotten === "forgotten" && state === "unknown"
    ? undefined
    : `Its record is to be forgotten, but forget() said ${forgotten} and the record is ${state}.`;
}
