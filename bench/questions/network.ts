import { openArena } from "../arena.ts";
import type { DatabaseKind, Servers } from "../databases/database.ts";
import { openDelayed } from "../delay.ts";
import type { Network } from "../results.ts";
import type { Settings } from "../settings.ts";
import { measureThroughput } from "./throughput.ts";

/** Round-trip times to the database, in milliseconds, beyond that of loopback. */
const ROUND_TRIPS = { full: [0, 0.5, 1, 2, 5], quick: [2], smoke: [1, 2] } as const;
/** What a further database is asked. */
const FEW = [2];
const COMPARED = ["bare", "handwritten-tx", "dbos", "onceonly"];

/** Fresh keys, with a network between all contenders and the database. */
export async function measureNetwork(
  kind: DatabaseKind,
  servers: Servers,
  settings: Settings,
  say: (line: string) => void,
): Promise<Network[]> {
  const server = kind.needs;
  const url = server && servers[server];
  if (server === undefined || url === undefined) return [];
  const compared = { ...settings, contenders: settings.contenders.filter((name) => COMPARED.includes(name)) };
  const found: Network[] = [];
  for (const roundTripMs of kind.asks === "everything" ? ROUND_TRIPS[settings.mode] : FEW) {
    await using delayed = await openDelayed(url, roundTripMs / 2);
    await using arena = await openArena(kind, { ...servers, [server]: delayed.url }, compared);
    for (const concurrency of settings.mode === "smoke" ? settings.concurrencies : [1, 8]) {
      say(`${kind.name}: fresh, a round trip of ${roundTripMs} ms, concurrency ${concurrency}`);
      const cell = { work: "one", load: "fresh", concurrency } as const;
      const measured = await measureThroughput(arena, cell, compared, settings.namedStatements);
      found.push({ ...measured, roundTripMs });
    }
  }
  return found;
}
