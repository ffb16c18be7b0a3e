import { setTimeout as sleep } from "node:timers/promises";

const BASE_MS = 5;
const CAP_MS = 250;

/**
 * Waits before retry number `attempt` (from 0): a random time up to an exponentially growing bound ("full jitter"),
 * so that those who collided do not collide again.
 */
export async function backOff(attempt: number): Promise<void> {
  await sleep(Math.random() * Math.min(CAP_MS, BASE_MS * 2 ** attempt));
}
