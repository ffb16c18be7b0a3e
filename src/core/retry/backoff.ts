import { setTimeout as sleep } from "node:timers/promises";
import { fullJitter } from "../browser/jitter.ts";

const BASE_MS = 5;
const CAP_MS = 250;

/**
 * Waits before retry number `attempt` (from 0): a random time up to an exponentially growing bound ("full jitter"),
 * so that callers that collided do not collide again.
 */
export async function backOff(
  attempt: number,
  baseMs: number = BASE_MS,
  capMs: number = CAP_MS,
): Promise<void> {
  await sleep(fullJitter(attempt, baseMs, capMs));
}
