/** A cluster of three nodes, each with one process of the application. */
import { setTimeout as sleep } from "node:timers/promises";
import { theCluster } from "../../cluster/galera/cluster.ts";
import { NODES, sqlPort } from "../../cluster/galera/nodes.ts";
import { Relay } from "../../support/relay.ts";
import { NO_FIRST_STATEMENT, type Row, type SoakDatabase } from "./database.ts";

export async function openSoakGalera(servers: number): Promise<SoakDatabase> {
  const cluster = await theCluster();
  const database = await cluster.open();
  const relays = await Promise.all(
    Array.from({ length: servers }, (_, server) => Relay.open(() => sqlPort(server % NODES))),
  );
  // Of the server: what a pool has as `initSql` may end the process (docs/guides/galera.md).
  const synchronous = (node: number) => database.query("SET GLOBAL wsrep_sync_wait = 1", node);
  for (let node = 0; node < NODES; node += 1) await synchronous(node);
  const anyNode = () => Math.floor(Math.random() * NODES);
  const pathOf = (url = "") => new URL(url).pathname;
  return {
    provider: "mariadb",
    relays,
    urlFor: (server) => `mariadb://root@127.0.0.1:${relays[server]?.port}${pathOf(database.urls[0])}`,
    pool: NO_FIRST_STATEMENT,
    nodes: NODES,
    deeds: {
      "a node dies and comes back": async () => {
        const node = anyNode();
        await cluster.kill(node);
        await sleep(Math.random() * 3_000);
        await cluster.restart(node);
        await synchronous(node);
      },
      "a node is cut off from the others and comes back": async () => {
        const node = anyNode();
        await cluster.cut(node);
        await sleep(1_000 + Math.random() * 7_000);
        await cluster.heal(node);
      },
    },
    query: (sql, node = 0) => database.query<Row>(sql, node),
    async [Symbol.asyncDispose]() {
      for (const relay of relays) await relay[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}
