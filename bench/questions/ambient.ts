import { createIdempotency, withAmbientTransaction } from "onceonly";
import type { Client, DatabaseKind, Servers } from "../databases/database.ts";
import { load } from "../load.ts";
import type { Ambient } from "../results.ts";
import { inTurn } from "../rounds.ts";
import type { Settings } from "../settings.ts";
import { ratioOf } from "../stats.ts";

/** What the ambient client costs a `findUnique`: beside the client itself, and in a handler beside Prisma's own `tx`. */
export async function measureAmbient(
  kind: DatabaseKind,
  servers: Servers,
  settings: Settings,
): Promise<Ambient[]> {
  await using database = await kind.open(servers);
  const prisma = await database.openPrisma();
  const ambient = withAmbientTransaction(prisma);
  const long = 600_000;
  const idempotency = createIdempotency({ prisma, transaction: { timeoutMs: long } });
  const find = (client: Pick<Client, "account">) => client.account.findUnique({ where: { id: "a0" } });

  const outside = await inTurn(
    [
      { name: "client", operation: () => find(prisma) },
      { name: "ambient", operation: () => find(ambient) },
    ],
    1,
    settings,
  );
  // Each round is a transaction of its own; on SQLite there cannot be two at a time.
  const inside = { client: [] as number[], ambient: [] as number[] };
  for (let round = 0; round <= settings.rounds; round += 1) {
    const client = await prisma.$transaction(
      async (tx) => (await load(1, settings.seconds, () => find(tx))).perSecond,
      { timeout: long },
    );
    const run = await idempotency.run(
      { operation: "ambient", scope: "bench", key: `round ${round}` },
      async () => (await load(1, settings.seconds, () => find(ambient))).perSecond,
    );
    // The first one is for the compiler.
    if (round > 0) {
      inside.client.push(client);
      inside.ambient.push(run.value);
    }
  }
  const speeds = (name: string) => (outside.get(name) ?? []).map(({ perSecond }) => perSecond);
  return [
    { database: database.name, where: "outside", ratio: ratioOf(speeds("ambient"), speeds("client")) },
    { database: database.name, where: "in a handler", ratio: ratioOf(inside.ambient, inside.client) },
  ];
}
