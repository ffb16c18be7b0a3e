/**
 * Kills its own process at a named point of a run: a test starts the application with
 * `node --import onceonly/testing/crash`, and says in `CRASH_ONCEONLY_AT` where.
 *
 * @module onceonly/testing/crash
 */
import { subscribe } from "node:diagnostics_channel";
import { TEST_POINTS, type TestPoint } from "../../core/contract/test-points.ts";
import { CRASH_VARIABLE, crashOf } from "./crash-point.ts";

export { CRASH_VARIABLE, type CrashPoint, crashAt, crashPoints } from "./crash-point.ts";

const { [CRASH_VARIABLE]: wanted } = process.env;

if (wanted !== undefined && wanted !== "") {
  const { point, nth } = crashOf(wanted);
  let passed = 0;
  subscribe(TEST_POINTS, (message) => {
    if ((message as TestPoint).point === point && ++passed === nth) {
      // No handler of a signal, no `finally` and no ROLLBACK comes after this.
      process.kill(process.pid, "SIGKILL");
    }
  });
}
