/** A process with the package in it. */
import type { Idempotency, LeaseContext } from "../../../src/core/contract/idempotency.ts";
import { type Network, Pool } from "../database/network.ts";
import type { SimulatedPrisma } from "../program/prisma.ts";
import type { Image, Program } from "../world/image.ts";
import type { SimulatedProcess } from "../world/process.ts";
import { AnswerError } from "./handlers.ts";
import type { Settings } from "./plan.ts";

export const OPERATION = "place";
export const SCOPE = "s";

export interface Running {
  readonly process: SimulatedProcess;
  readonly pool: Pool;
  readonly idempotency: Idempotency<SimulatedPrisma>;
}

/** Starts the program of `image` as that of `process`. */
export function startProgram(
  image: Image,
  process: SimulatedProcess,
  network: Network,
  settings: Settings,
): Running {
  image.runs(process);
  const { SimulatedPrisma: Prisma, PrismaStore: Store, simulatedDialect, idempotencyOver } = image.program;
  const { kind, mode, timeoutMs, maxWaitMs, retryConflicts } = settings;
  const pool = new Pool(process, network, settings.connections);
  const adapterName = kind === "postgresql" ? "@prisma/adapter-pg" : "one by one";
  const prisma = new Prisma(pool, adapterName, { timeout: timeoutMs, maxWait: maxWaitMs });
  const store = new Store(prisma, simulatedDialect(kind), undefined);
  const idempotency = idempotencyOver(store, {
    retentionMs: settings.retentionMs,
    waitMs: settings.waitMs,
    onDuplicate: settings.onDuplicate,
    outageMs: settings.outageMs,
    leaseMs: settings.leaseMs,
    storeInput: mode === "lease" && settings.hasCompleter,
    transaction: { timeoutMs, maxWaitMs },
    ...(retryConflicts !== undefined && { retryConflicts }),
    ...(settings.storesErrors && { storeError: (error: unknown) => error instanceof AnswerError }),
  });
  return { process, pool, idempotency };
}

type Completing = (
  run: { readonly key: string; readonly input: string },
  context: LeaseContext<SimulatedPrisma>,
) => Promise<string>;

/** Has abandoned runs completed by `complete`, for as long as the process lives. */
export function startCompleter({ program }: Image, { idempotency }: Running, complete: Completing): void {
  const completer = program.createCompleter({
    idempotency,
    handlers: {
      [OPERATION]: async (context, input, { key }) => complete({ key, input: String(input) }, context),
    },
    pollMs: 3_000,
    concurrency: 1,
    onError: () => {},
    onGiveUp: () => {},
  });
  completer.start();
}

const ids = new Map<string, string>();

/** The id of the record of a key. */
export function idOf({ idOf: id }: Program, key: string): string {
  const known = ids.get(key) ?? id({ operation: OPERATION, scope: SCOPE, key });
  ids.set(key, known);
  return known;
}
