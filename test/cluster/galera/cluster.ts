/** A Galera cluster of three nodes, for the tests of one file. */
import { type ClientOptions, connect, type TestClient } from "../../support/clients.ts";
import {
  createMariadbDatabase,
  type MariadbRun,
  sideConnection,
  urlOfMariadb,
} from "../../support/mariadb-databases.ts";
import { type Message, spawnWorker, type Worker } from "../../support/worker.ts";
import { NODES, sqlPort } from "./nodes.ts";

type Deed = "kill" | "restart" | "cut" | "heal";
export type Order = Message & { type: "order"; what: Deed; node: number };
export type Report = Message & { type: "done" };

/** What the guide says of the pool. Tests of what happens without it leave it out. */
const SYNCED = { initSql: "SET SESSION wsrep_sync_wait = 1" };

export interface Cluster {
  /** SIGKILL. */
  kill(node: number): Promise<void>;
  /** Resolves when the node has what it missed. */
  restart(node: number): Promise<void>;
  /** From now on the node and the others do not hear of each other. Its clients still reach it. */
  cut(node: number): Promise<void>;
  /** Resolves when the node has what it missed. */
  heal(node: number): Promise<void>;
  /** A new database, with the tables of the tests and a client for each node. */
  open(options?: ClientOptions): Promise<ClusterDatabase>;
}

export interface ClusterDatabase extends AsyncDisposable {
  /** One for each node. */
  clients: readonly TestClient[];
  urls: readonly string[];
  /** A further client of a node. */
  connect(node: number): Promise<TestClient>;
  /** What a node has, with what others have committed before. */
  query<TRow>(sql: string, node?: number): Promise<TRow[]>;
}

let started: Promise<Cluster> | undefined;

/** The one of this process, which ends with it. */
export function theCluster(): Promise<Cluster> {
  started ??= startCluster();
  return started;
}

async function startCluster(): Promise<Cluster> {
  const script = new URL("cluster-process.ts", import.meta.url);
  const worker: Worker<Report, Order> = spawnWorker<Report, Order>(script, undefined);
  await worker.waitFor("done");
  const doing = (what: Deed) => async (node: number) => {
    worker.send({ type: "order", what, node });
    await worker.waitFor("done");
  };
  return {
    kill: doing("kill"),
    restart: doing("restart"),
    cut: doing("cut"),
    heal: doing("heal"),
    open,
  };
}

async function open(options: ClientOptions = {}): Promise<ClusterDatabase> {
  const runs: MariadbRun[] = Array.from({ length: NODES }, (_, n) => ({
    url: `mariadb://root@127.0.0.1:${sqlPort(n)}`,
    prefix: "onceonly",
  }));
  const [first] = runs;
  if (first === undefined) throw new Error("no nodes");
  const name = await createMariadbDatabase(first, "plain");
  const urls = runs.map((run) => urlOfMariadb(run, name));
  const pool = { ...SYNCED, ...options.pool };
  const clients: TestClient[] = [];
  const others: TestClient[] = [];
  const to = (node: number) => connect({ provider: "mariadb", url: urls[node] ?? "" }, { ...options, pool });
  for (const node of urls.keys()) clients.push(await to(node));
  return {
    clients,
    urls,
    async connect(node) {
      const client = await to(node);
      others.push(client);
      return client;
    },
    async query<TRow>(sql: string, node = 0) {
      const connection = await sideConnection(urls[node] ?? "");
      try {
        await connection.query(SYNCED.initSql);
        return await connection.query<TRow[]>(sql);
      } finally {
        connection.destroy();
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...clients, ...others].map((client) => client.$disconnect()));
    },
  };
}
