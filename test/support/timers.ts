/** Timers, of which a busy machine changes when they fire, but not in which order, nor how many are set. */
import { setTimeout as sleep } from "node:timers/promises";

/** Whether `work` is over before a timer that is set together with those of `work`. */
export const isOverBefore = (work: Promise<unknown>, ms: number): Promise<boolean> =>
  Promise.race([work.then(() => true), sleep(ms, false)]);

/** How many timers are set that keep the process alive. */
export const timersSet = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
