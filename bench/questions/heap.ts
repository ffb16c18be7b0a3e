import { spawnWorker } from "../../test/support/worker.ts";
import type { HeapChildData, HeapChildUp } from "../children/heap-child.ts";
import type { DatabaseKind, Servers } from "../databases/database.ts";
import type { Heap } from "../results.ts";
import type { Settings } from "../settings.ts";
import { spreadOf } from "../stats.ts";

/**
 * What a run in flight takes of the heap, beside a bare transaction at the same number in flight. In the handler, each
 * has a connection of its own; queued, most wait for one.
 */
export async function measureHeap(kind: DatabaseKind, servers: Servers, settings: Settings): Promise<Heap[]> {
  await using database = await kind.open(servers);
  const { inHandler, queued } = settings.inFlight;
  const data: HeapChildData = {
    database: database.name,
    url: database.url,
    pool: inHandler,
    inHandler,
    queued,
    rounds: settings.mode === "full" ? 9 : settings.mode === "quick" ? 3 : 1,
  };
  const script = new URL("../children/heap-child.ts", import.meta.url);
  await using child = spawnWorker<HeapChildUp>(script, data);
  const { findings } = await child.waitFor("measured");
  return findings.map(({ bare, onceonly, ...about }) => ({
    ...about,
    bare: spreadOf(bare),
    onceonly: spreadOf(onceonly),
    difference: spreadOf(onceonly.map((bytes, round) => bytes - (bare[round] ?? 0))),
  }));
}
