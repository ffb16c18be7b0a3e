import { setImmediate, setTimeout } from "node:timers/promises";
import type { Command } from "commander";
import type { Idempotency } from "../../core/contract/idempotency.ts";
import type { Answer } from "../answer.ts";
import { share, whole } from "../options/arguments.ts";
import { progressOf } from "../terminal/prompts.ts";
import { printErr } from "../terminal/stdout.ts";
import { stoppable } from "../terminal/stopping.ts";
import { onApplication, withExamples } from "./application-command.ts";

interface PruneFlags {
  readonly batchSize: number;
  readonly dutyCycle: number;
}

const BATCH_SIZE_MAX = 1_000_000;
const REST_MS_MAX = 60_000;

/** `onceonly prune` */
export function registerPrune(program: Command): void {
  const command = program
    .command("prune")
    .summary("deletes expired records")
    .description(
      "Deletes records whose retention is over, in batches. Code 1 if it was stopped, by Ctrl-C or SIGTERM.",
    )
    .option("--batch-size <count>", "records per statement", whole(1, BATCH_SIZE_MAX), 1_000)
    .option("--duty-cycle <share>", "share of time in which it deletes; 1: it does not rest", share, 0.2);
  withExamples(onApplication(command, pruned), "prune", "prune --duty-cycle 1");
}

/** What `onceonly prune` answers. */
export function pruned(idempotency: Idempotency<unknown>, flags: PruneFlags): Promise<Answer> {
  return stoppable((signal) => batches(idempotency, flags, signal));
}

async function batches(
  idempotency: Idempotency<unknown>,
  { batchSize, dutyCycle }: PruneFlags,
  signal: AbortSignal,
): Promise<Answer> {
  const { expired } = await idempotency.stats();
  const progress = progressOf(Math.max(expired, 1), "Deleting expired records", (line) =>
    printErr(`${line}\n`),
  );
  let deleted = 0;
  try {
    for (let batch = batchSize; batch >= batchSize && !signal.aborted; ) {
      const begin = performance.now();
      batch = await oneBatch(idempotency, batchSize);
      const restMs = Math.min((performance.now() - begin) * (1 / dutyCycle - 1), REST_MS_MAX);
      deleted += batch;
      if (batch > 0) {
        progress.advance(batch, deletedText(deleted));
      }
      // SQLite's driver keeps the process busy without a turn of the event loop, in which Ctrl-C would be heard of.
      await setImmediate();
      if (batch >= batchSize) {
        await setTimeout(restMs, undefined, { signal }).catch(() => {});
      }
    }
    // Where another node of a cluster deletes too, a batch may have fallen short although there are more.
    deleted += await idempotency.prune({ batchSize, dutyCycle, signal });
  } finally {
    progress.end(deletedText(deleted));
  }
  const isStopped = signal.aborted;
  return {
    lines: [
      isStopped ? `Stopped: ${deletedText(deleted)}, and there may be more.` : `${deletedText(deleted)}.`,
    ],
    json: { deleted, isStopped },
    isNo: isStopped,
  };
}

const deletedText = (count: number): string =>
  `${count.toLocaleString("en")} expired ${count === 1 ? "record" : "records"} deleted`;

/** One batch at a time, so that there is something to tell between two. */
async function oneBatch(idempotency: Idempotency<unknown>, batchSize: number): Promise<number> {
  const afterThis = new AbortController();
  const batch = idempotency.prune({ batchSize, signal: afterThis.signal });
  // The first is under way by now, and "stops after the batch under way" is what the signal does.
  afterThis.abort();
  return batch;
}
