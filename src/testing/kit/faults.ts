import type { TestPoint, TestPointName } from "../../core/contract/test-points.ts";

/** Points at which something can fail. */
export type FaultPoint = Exclude<TestPointName, "step" | Told>;

/** Points at which nothing can fail. */
type Told = "uncovered write" | "late statement";

/** What a killed run fails with, and a statement that was made to fail. */
class InjectedError extends Error {
  override readonly name = "InjectedError";
}

/**
 * Makes one call fail. A kill lasts: whatever the call still does fails too, so that nothing more of it is committed, as of a process
 * that is gone. A single failure is that of one statement, and the handler decides what becomes of it.
 */
export class Fault {
  readonly point: FaultPoint;
  readonly #nth: number;
  readonly #isKill: boolean;
  #passed = 0;
  #hasStruck = false;

  constructor(how: "kill" | "failure", point: FaultPoint, nth = 1) {
    this.point = point;
    this.#nth = nth;
    this.#isKill = how === "kill";
  }

  /** Whether the call came by. */
  get hasStruck(): boolean {
    return this.#hasStruck;
  }

  strike(message: TestPoint): void {
    const { point } = message;
    if (point === "uncovered write" || point === "late statement") {
      return;
    }
    const isHere = point === this.point && !this.#hasStruck && ++this.#passed === this.#nth;
    if (isHere) {
      this.#hasStruck = true;
    }
    if (isHere || (this.#isKill && this.#hasStruck)) {
      message.failure = new InjectedError(
        this.#isKill
          ? `onceonly/testing: this call was killed (${point})`
          : "onceonly/testing: this statement was made to fail, to see what the handler makes of that",
      );
    }
  }
}
