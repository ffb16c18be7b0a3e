import { setTimeout as sleep } from "node:timers/promises";
import { halfJitter } from "../browser/jitter.ts";
import type { StoreFault } from "../contract/store.ts";
import { inProgress, storeFailed } from "../outcome/run-errors.ts";
import type { PreparedRun } from "../request/prepare.ts";
import { backOff } from "./backoff.ts";
import type { Waiting } from "./outage.ts";

/**
 * Decides about a claim that failed, before the handler ran: waits before retry number `retry` (from 0) if the claim may succeed
 * when repeated.
 *
 * @throws {@link IdempotencyError} `IN_PROGRESS`, `STORE_UNAVAILABLE`, `STORE_MISCONFIGURED`
 */
export async function waitToClaimAgain(
  run: PreparedRun,
  waiting: Waiting,
  retry: number,
  { fault, error }: { readonly fault: StoreFault | undefined; readonly error: unknown },
): Promise<void> {
  if (await waiting.out(fault, retry)) {
    return;
  }
  const isOverdue = performance.now() >= run.deadline;
  if (fault === "write_conflict" && !isOverdue) {
    return backOff(retry);
  }
  if (fault !== "lock_timeout") {
    throw storeFailed(run, fault, error);
  }
  // The claim itself has waited.
  if (isOverdue || run.options.onDuplicate === "reject") {
    throw inProgress(run, error);
  }
}

/** What a run waits for whose claim met `fault`: another one with its key, or the database. */
export function waitCauseOf(fault: StoreFault | undefined): "lock" | "outage" {
  return fault === "lock_timeout" || fault === "write_conflict" ? "lock" : "outage";
}

const POLL_MS_FIRST = 25;
/** The longest pause between two looks at a lease, in milliseconds. */
export const POLL_MS_MAX = 1_000;

/**
 * Waits before poll number `poll` (from 0) of a record that a leased run holds, without holding a connection. Jittered,
 * so that many processes do not ask at the same time.
 *
 * @throws {@link IdempotencyError} `IN_PROGRESS` when `waitMs` has passed, or duplicates do not wait.
 */
export async function waitForLease(run: PreparedRun, poll: number): Promise<void> {
  const remaining = run.deadline - performance.now();
  if (run.options.onDuplicate === "reject" || remaining <= 0) {
    throw inProgress(run);
  }
  const bound = Math.min(POLL_MS_FIRST * 2 ** poll, POLL_MS_MAX);
  await sleep(Math.min(halfJitter(bound), remaining));
}
