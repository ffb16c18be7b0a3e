/** What handlers do: each execution has a number, which its effect and its answer carry. */
import type { LeaseContext, RunContext } from "../../../src/core/contract/idempotency.ts";
import type { SimulatedPrisma } from "../program/prisma.ts";
import type { SimulatedProcess } from "../world/process.ts";
import type { World } from "../world/world.ts";
import { type Asked, executionIn, type Judge } from "./judge.ts";
import type { Behaviour } from "./plan.ts";

/** What an execution is about. */
export interface About {
  readonly recordId: string;
  readonly input: string;
  /** `undefined` for a completer's. */
  readonly asked: Asked | undefined;
}

export class Handlers {
  readonly #world: World;
  readonly #judge: Judge;

  constructor(world: World, judge: Judge) {
    this.#world = world;
    this.#judge = judge;
  }

  async inTransaction(
    process: SimulatedProcess,
    { tx, afterCommit }: RunContext<SimulatedPrisma>,
    about: About,
    behaviour: Behaviour,
  ): Promise<string> {
    const { number } = this.#judge.execution({ ...about, mode: "transaction" });
    this.#world.tell(process.name, () => `executes ${number} for ${about.asked?.request}`);
    afterCommit(() => this.#judge.calledBack(number));
    return this.#work(
      process,
      tx,
      { execution: number, recordId: about.recordId, step: null },
      about.input,
      behaviour,
    );
  }

  async leased(
    process: SimulatedProcess,
    { step, transaction, attempt }: LeaseContext<SimulatedPrisma>,
    about: About,
    behaviour: Behaviour,
  ): Promise<string> {
    const { recordId } = about;
    const { number } = this.#judge.execution({ ...about, mode: "lease" });
    this.#world.tell(
      process.name,
      () => `executes ${number}, attempt ${attempt}, for ${about.asked?.request ?? "nobody"}`,
    );
    const called = await step("call", async () => {
      const { number: inStep } = this.#judge.execution({ ...about, mode: "lease" });
      if (behaviour.sleepBeforeMs > 0) await process.sleep(behaviour.sleepBeforeMs);
      return `execution#${inStep}`;
    });
    const ordered = await transaction("order", async ({ tx }) => {
      const { number: inStep } = this.#judge.execution({ ...about, mode: "lease" });
      return this.#work(process, tx, { execution: inStep, recordId, step: "order" }, about.input, behaviour);
    });
    if (behaviour.sleepAfterMs > 0) await process.sleep(behaviour.sleepAfterMs);
    return `execution#${number} input#${about.input} after call#${executionIn(called)} and order#${executionIn(ordered)}`;
  }

  async #work(
    process: SimulatedProcess,
    tx: SimulatedPrisma,
    effect: { readonly execution: number; readonly recordId: string; readonly step: string | null },
    input: string,
    behaviour: Behaviour,
  ): Promise<string> {
    const answer = `execution#${effect.execution} input#${input}`;
    if (behaviour.sleepBeforeMs > 0) await process.sleep(behaviour.sleepBeforeMs);
    await tx.$executeRawUnsafe("effect $1", JSON.stringify(effect));
    for (const account of behaviour.accounts) {
      await tx.$executeRawUnsafe("add $1", JSON.stringify({ account }));
    }
    if (behaviour.tampers) await tx.$executeRawUnsafe("tamper $1", JSON.stringify({ id: effect.recordId }));
    if (behaviour.swallows) await Promise.allSettled([tx.$executeRawUnsafe("fail $1", "{}")]);
    if (behaviour.sleepAfterMs > 0) await process.sleep(behaviour.sleepAfterMs);
    if (behaviour.end === "throws an answer") throw new AnswerError(answer);
    if (behaviour.end === "throws") throw new Error(`broken: ${answer}`);
    return answer;
  }
}

/** What a handler throws as its answer. */
export class AnswerError extends Error {
  override readonly name = "AnswerError";
}

/** Of handlers that are quick and succeed. */
export const PLAIN: Behaviour = {
  sleepBeforeMs: 0,
  sleepAfterMs: 0,
  accounts: [],
  end: "returns",
  swallows: false,
  tampers: false,
};
