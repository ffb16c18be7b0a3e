import { TIMER_MS_MAX } from "../core/browser/option-checks.ts";
import type { TransactionLimits } from "../core/contract/store.ts";
import type { Capabilities } from "../sql/dialect/capabilities.ts";

/** What Prisma's `$transaction` takes. */
export interface PrismaTransactionOptions {
  readonly timeout: number;
  readonly maxWait: number;
  readonly isolationLevel?: string;
}

// Prisma's own defaults.
export const PRISMA_TIMEOUT_MS = 5_000;
const PRISMA_MAX_WAIT_MS = 2_000;

/** For transactions that no run asks for. */
export const NO_LIMITS: TransactionLimits = {
  maxWaitMs: undefined,
  timeoutMs: undefined,
  lockWaitMs: 0,
  isolationLevel: undefined,
};

/** The options of a transaction: what the run says, else what the client says (`own`), else what suits the database. */
export function prismaOptions(
  { maxWaitMs, timeoutMs, isolationLevel, lockWaitMs }: TransactionLimits,
  own: Partial<PrismaTransactionOptions>,
  { maxWaitMs: usual = PRISMA_MAX_WAIT_MS }: Pick<Capabilities, "maxWaitMs">,
): PrismaTransactionOptions {
  // A client tells its default as if it had been given.
  const ownMaxWait = own.maxWait === PRISMA_MAX_WAIT_MS ? undefined : own.maxWait;
  const isolation = isolationLevel ?? own.isolationLevel;
  return {
    timeout: Math.min((timeoutMs ?? own.timeout ?? PRISMA_TIMEOUT_MS) + lockWaitMs, TIMER_MS_MAX),
    maxWait: maxWaitMs ?? ownMaxWait ?? usual,
    ...(isolation === undefined ? {} : { isolationLevel: isolation }),
  };
}
