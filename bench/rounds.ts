import { collect } from "./collect.ts";
import { type CpuMeter, load, type Round } from "./load.ts";

export interface Runner {
  readonly name: string;
  readonly operation: () => Promise<unknown>;
}

/** One whose callers need not be in this process. */
export interface Player {
  readonly name: string;
  play(seconds: number, databaseCpu?: CpuMeter): Promise<Round>;
}

interface RoundSettings {
  readonly rounds: number;
  readonly seconds: number;
}

/** {@link takeTurns}, with `concurrency` callers in this process. */
export function inTurn(
  runners: readonly Runner[],
  concurrency: number,
  settings: RoundSettings,
  databaseCpu?: CpuMeter,
): Promise<Map<string, Round[]>> {
  const players = runners.map(({ name, operation }) => ({
    name,
    play: (seconds: number, meter?: CpuMeter) => load(concurrency, seconds, operation, meter),
  }));
  return takeTurns(players, settings, databaseCpu);
}

/**
 * All in turn, round after round, each round begun by another one, so that what changes on the machine meanwhile meets
 * everybody.
 */
export async function takeTurns(
  players: readonly Player[],
  { rounds, seconds }: RoundSettings,
  databaseCpu?: CpuMeter,
): Promise<Map<string, Round[]>> {
  const results = new Map<string, Round[]>(players.map(({ name }) => [name, []]));
  for (const player of players) {
    await player.play(Math.min(0.3, seconds / 2));
    await collect();
  }
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < players.length; turn += 1) {
      const player = players[(round + turn) % players.length];
      if (player === undefined) continue;
      // The garbage of one must not be collected in the next one's time.
      await collect();
      results.get(player.name)?.push(await player.play(seconds, databaseCpu));
    }
  }
  return results;
}
