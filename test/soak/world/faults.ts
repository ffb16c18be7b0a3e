/** What happens to processes, connections and databases, one thing after another and some at a time, as a seed decides. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../../chaos/seeded.ts";
import type { Relay } from "../../support/relay.ts";
import type { SoakDatabase } from "../databases/database.ts";
import type { ServerProcess } from "./servers.ts";

interface Fault {
  readonly name: string;
  /** How often it is chosen, beside the others. */
  readonly weight: number;
  /** What nothing else may happen to meanwhile. */
  readonly to: unknown;
  readonly happen: () => Promise<void>;
}

interface Attacked {
  readonly database: SoakDatabase;
  readonly servers: readonly ServerProcess[];
}

export class Faults {
  /** How often each has happened. */
  readonly counts: Record<string, number> = {};
  readonly #random: Random;
  readonly #faults: readonly Fault[];
  readonly #busy = new Set<unknown>();
  readonly #happening = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor({ database, servers }: Attacked, random: Random) {
    this.#random = random;
    const between = (least: number, most: number) => least + random.next() * (most - least);
    const some = () => random.next() < 0.5;
    const loseAnswers = async (relay: Relay) => {
      const tellServer = relay.cutClients(some);
      await sleep(1_000);
      tellServer();
    };
    const connections = (side: string, relay: Relay): Fault[] => [
      { name: `${side}: connections cut`, weight: 4, to: relay, happen: async () => relay.cut() },
      {
        name: `${side}: some connections cut`,
        weight: 4,
        to: relay,
        happen: async () => relay.cut(some),
      },
      { name: `${side}: answers lost`, weight: 4, to: relay, happen: () => loseAnswers(relay) },
      {
        name: `${side}: silent connections, which are cut in the end`,
        weight: 2,
        to: relay,
        happen: async () => {
          await relay.silence(between(500, 6_000));
          relay.cut();
        },
      },
      {
        name: `${side}: silent connections, which go on`,
        weight: 2,
        to: relay,
        happen: () => relay.silence(between(500, 6_000)),
      },
      {
        name: `${side}: slow connections`,
        weight: 2,
        to: relay,
        happen: () => relay.slow(between(5, 150), between(1_000, 6_000)),
      },
    ];
    this.#faults = [
      ...servers.flatMap((server): Fault[] => [
        { name: "process: killed", weight: 1.5, to: server, happen: () => server.crash() },
        {
          name: "process: stands still",
          weight: 2,
          to: server,
          happen: () => server.standStill(between(200, 9_000)),
        },
        ...connections("clients", server.relay),
      ]),
      ...database.relays.flatMap((relay) => connections("database", relay)),
      ...Object.entries(database.deeds).map(
        ([name, happen]): Fault => ({ name: `database: ${name}`, weight: 1.5, to: database, happen }),
      ),
    ];
  }

  /** Goes on until `goesOn` says no; then waits until all is well again. @throws what a fault could not be mended of. */
  async happen(everyMs: number, goesOn: () => boolean): Promise<void> {
    while (goesOn() && this.#failure === undefined) {
      await sleep(-Math.log(1 - this.#random.next()) * everyMs);
      const free = this.#faults.filter(({ to }) => !this.#busy.has(to));
      const fault = this.#chosen(free);
      if (fault !== undefined) this.#begin(fault);
    }
    await Promise.all(this.#happening);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #chosen(faults: readonly Fault[]): Fault | undefined {
    let left = this.#random.next() * faults.reduce((sum, { weight }) => sum + weight, 0);
    return faults.find(({ weight }) => {
      left -= weight;
      return left < 0;
    });
  }

  #begin({ name, to, happen }: Fault): void {
    this.counts[name] = (this.counts[name] ?? 0) + 1;
    this.#busy.add(to);
    const happening = happen()
      .catch((error: unknown) => {
        this.#failure = { error };
      })
      .finally(() => {
        this.#busy.delete(to);
        this.#happening.delete(happening);
      });
    this.#happening.add(happening);
  }
}
