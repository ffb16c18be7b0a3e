import { setImmediate } from "node:timers/promises";
import type { Command } from "commander";
import type { Idempotency } from "../../core/contract/idempotency.ts";
import type { Answer } from "../answer.ts";
import { progressOf } from "../terminal/prompts.ts";
import { printErr } from "../terminal/stdout.ts";
import { stoppable } from "../terminal/stopping.ts";
import { onApplication, withExamples } from "./application-command.ts";
import { whole } from "./arguments.ts";

interface PruneFlags {
  readonly batchSize: number;
}

const BATCH_SIZE_MAX = 1_000_000;

/** `onceonly prune` */
export function registerPrune(program: Command): void {
  const command = program
    .command("prune")
    .summary("deletes expired records")
    .description(
      "Deletes records whose retention is over, in batches. Code 1 if it was stopped, by Ctrl-C or SIGTERM.",
    )
    .option("--batch-size <count>", "records per statement", whole(1, BATCH_SIZE_MAX), 3_000);
  withExamples(onApplication(command, pruned), "prune", "prune --batch-size 500");
}

/** What `onceonly prune` answers. */
export function pruned(idempotency: Idempotency<unknown>, { batchSize }: PruneFlags): Promise<Answer> {
  return stoppable((signal) => batches(idempotency, batchSize, signal));
}

async function batches(
  idempotency: Idempotency<unknown>,
  batchSize: number,
  signal: AbortSignal,
): Promise<Answer> {
  const { expired } = await idempotency.stats();
  const progress = progressOf(Math.max(expired, 1), "Deleting expired records", (line) =>
    printErr(`${line}\n`),
  );
  let deleted = 0;
  try {
    for (let batch = batchSize; batch >= batchSize && !signal.aborted; ) {
      batch = await oneBatch(idempotency, batchSize);
      deleted += batch;
      if (batch > 0) {
        progress.advance(batch, deletedText(deleted));
      }
      // SQLite's driver keeps the process busy without a turn of the event loop, in which Ctrl-C would be heard of.
      await setImmediate();
    }
    // Where another node of a cluster deletes too, a batch may have fallen short although there are more.
    deleted += await idempotency.prune({ batchSize, signal });
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
