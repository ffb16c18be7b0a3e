import type { ClientOptions } from "../support/clients.ts";
import type { TestDatabase } from "../support/database.ts";
import type { Answer } from "../support/shop.ts";
import { renamed, type ShopWorker, startShop, type ToShop } from "../support/shop-worker.ts";

/** Limits that no queue of a loaded machine runs into: these tests are about answers, not about time. */
export const patient = { waitMs: 60_000, transaction: { maxWaitMs: 60_000, timeoutMs: 60_000 } };

export interface Processes extends AsyncDisposable {
  all: ShopWorker[];
  /** Starts the bursts together, and resolves once every process has begun its own. */
  burst(commandOf: (index: number) => Omit<Extract<ToShop, { type: "burst" }>, "type">): Promise<void>;
  /** What came of the bursts. Fails on any failure. */
  answers(): Promise<{ answers: Answer[]; failures: string[]; unseen: number }>;
}

/** Processes of the application on one database, named "p0", "p1", … */
export async function startProcesses(
  database: TestDatabase,
  count: number,
  client: ClientOptions,
): Promise<Processes> {
  const all = await Promise.all(
    Array.from({ length: count }, (_, index) => {
      const by = `p${index}`;
      const target = { provider: database.provider, url: database.url };
      return startShop({
        target: { ...target, url: renamed(target, by) },
        client,
        by,
        run: patient,
      });
    }),
  );
  return {
    all,
    async burst(commandOf) {
      for (const [index, worker] of all.entries()) worker.send({ type: "burst", ...commandOf(index) });
      await Promise.all(all.map((worker) => worker.waitFor("began")));
    },
    async answers() {
      const ends = await Promise.all(all.map((worker) => worker.waitFor("burst over")));
      return {
        answers: ends.flatMap(({ answers }) => answers),
        failures: ends.flatMap(({ failures }) => failures),
        unseen: ends.reduce((sum, { unseen }) => sum + unseen, 0),
      };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(all.map((worker) => worker.kill()));
    },
  };
}

export function byKey(answers: readonly Answer[]): Map<string, Answer[]> {
  const grouped = new Map<string, Answer[]>();
  for (const answer of answers) grouped.set(answer.key, [...(grouped.get(answer.key) ?? []), answer]);
  return grouped;
}

/** Distinct orders that the answers name. */
export const ordersNamed = (answers: readonly Answer[]) =>
  new Set(answers.map(({ orderId, by }) => `${orderId} by ${by}`));

export const executed = (answers: readonly Answer[]) => answers.filter(({ replayed }) => !replayed);
