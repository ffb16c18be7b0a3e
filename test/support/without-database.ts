import type { Idempotency } from "../../src/core/contract/idempotency.ts";
import type { RunOptions } from "../../src/core/contract/options/options.ts";
import { idempotencyOver } from "../../src/core/create.ts";

/** For what is refused before a database is asked. */
export function withoutDatabase(options: RunOptions = {}): Idempotency<unknown> {
  return idempotencyOver<unknown>(
    {
      transaction: () => Promise.reject(new Error("no database here")),
      get leases(): never {
        throw new Error("no database here");
      },
      timeoutMs: 5_000,
      conflictsAtCommit: false,
      runningHandler: () => undefined,
      faultOf: () => undefined,
      check: () => Promise.resolve([]),
      upkeep: undefined as never,
      replayable: () => Promise.resolve(undefined),
    },
    options,
  );
}
