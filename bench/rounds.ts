import { collect } from "./collect.ts";
import { load, type Round } from "./load.ts";

export interface Runner {
  readonly name: string;
  readonly operation: () => Promise<unknown>;
}

interface RoundSettings {
  readonly rounds: number;
  readonly seconds: number;
}

/**
 * All in turn, round after round, each round begun by another one, so that what changes on the machine meanwhile meets
 * everybody.
 */
export async function inTurn(
  runners: readonly Runner[],
  concurrency: number,
  { rounds, seconds }: RoundSettings,
  databaseCpu?: () => Promise<number | null>,
): Promise<Map<string, Round[]>> {
  const results = new Map<string, Round[]>(runners.map(({ name }) => [name, []]));
  for (const { operation } of runners) {
    await load(concurrency, Math.min(0.3, seconds / 2), operation);
    await collect();
  }
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < runners.length; turn += 1) {
      const runner = runners[(round + turn) % runners.length];
      if (runner === undefined) continue;
      // The garbage of one must not be collected in the next one's time.
      await collect();
      results.get(runner.name)?.push(await load(concurrency, seconds, runner.operation, databaseCpu));
    }
  }
  return results;
}
