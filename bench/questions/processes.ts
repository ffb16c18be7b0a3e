import type { DatabaseKind, Servers } from "../databases/database.ts";
import { CALLERS, measureFleets, openServer } from "../fleets.ts";
import type { Processes } from "../results.ts";
import type { Settings } from "../settings.ts";

/** The same callers, in one process of the application or spread over two. */
export async function measureProcesses(
  kind: DatabaseKind,
  servers: Servers,
  settings: Settings,
): Promise<Processes[]> {
  await using database = await kind.open(servers);
  await using first = await openServer(database, settings);
  await using second = await openServer(database, settings);
  const fleets = [[first], [first, second]].map((members) => ({
    name: String(members.length),
    servers: members,
  }));
  const measured = await measureFleets(database, fleets, settings);
  return fleets.map(({ name, servers: { length } }) => ({
    database: database.name,
    processes: length,
    concurrency: CALLERS,
    contenders: measured.get(name) ?? [],
  }));
}
