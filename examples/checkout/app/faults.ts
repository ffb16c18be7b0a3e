/**
 * Only the example needs this: the ways in which its panel breaks a payment. The page asks for one with the header
 * `x-fault`. A real application has nothing like it.
 */
import type { IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

export type Fault = "none" | "lose-response" | "delay" | "kill-before-commit" | "kill-after-commit";

const DELAY_MS = 5_000;

/** The fault that a request asks for, with the two places where it may strike. */
export function faultOf(request: IncomingMessage) {
  const fault = request.headers["x-fault"] as Fault | undefined;
  return {
    beforeCommit: async (): Promise<void> => {
      if (fault === "delay") await sleep(DELAY_MS);
      if (fault === "kill-before-commit") process.kill(process.pid, "SIGKILL");
    },
    afterCommit: (): void => {
      if (fault === "lose-response") request.socket.destroy();
      if (fault === "kill-after-commit") process.kill(process.pid, "SIGKILL");
    },
  };
}
