import { createIdempotency } from "onceonly";
import { INPUT, OPERATION, SCOPE } from "../contenders/onceonly.ts";
import type { DatabaseKind, Servers } from "../databases/database.ts";
import { times } from "../load.ts";
import type { Size } from "../results.ts";
import { place, workOf } from "../shop.ts";

/** What real runs leave in the table and its indexes, versions that an UPDATE has outdated included. */
export async function measureSize(kind: DatabaseKind, servers: Servers, runs: number): Promise<Size[]> {
  await using database = await kind.open(servers);
  if (database.records === undefined) return [];
  const prisma = await database.openPrisma();
  const idempotency = createIdempotency({ prisma });
  await times(runs, 10, (index) => {
    const key = `3f1c5e9a-0000-4000-8000-${String(index).padStart(12, "0")}`;
    const request = { operation: OPERATION, scope: SCOPE, key, input: INPUT };
    return idempotency.run(request, ({ tx }) => place(tx, key, workOf("one")));
  });
  const { table, indexes } = await database.records.bytes();
  const how = "after as many runs, not vacuumed";
  return [{ database: database.name, how, records: runs, tableBytes: table, indexBytes: indexes }];
}
