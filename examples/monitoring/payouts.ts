/** Leased runs: payouts by a bank that is often away. What fails half-way, a completer brings to its end. */
import { createCompleter, type LeaseContext } from "onceonly";
import { idempotency } from "../database/index.ts";

/** Kept for a minute only, so that there is something to prune soon. An application keeps them for a day or more. */
const payouts = idempotency.with({ storeInput: true, retentionMs: 60_000, leaseMs: 5_000, outageMs: 10_000 });

const OPERATION = "payouts.make";

async function askBank(): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 400));
  if (Math.random() < 0.4) throw new Error("the bank is away");
  return crypto.randomUUID();
}

const payOut = ({ step }: Pick<LeaseContext<unknown>, "step">) => step("transfer", askBank);

export async function makePayout(key: string, scope: string): Promise<void> {
  await payouts.runLeased({ operation: OPERATION, key, scope, input: { cents: 500 } }, payOut);
}

export const completer = createCompleter({
  idempotency: payouts,
  handlers: { [OPERATION]: payOut },
  pollMs: 1_000,
  backoffMs: 500,
  attemptsMax: 4,
  // They are counted, and nobody reads them here.
  onError: () => {},
  onGiveUp: () => {},
});
