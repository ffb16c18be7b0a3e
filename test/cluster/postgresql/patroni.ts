/** Three PostgreSQL servers under Patroni, which elects the primary through etcd, behind HAProxy. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ddl } from "../../support/ddl.ts";
import { eventually } from "../../support/eventually.ts";
import { watch } from "../../support/postgres.ts";
import { ASKING_PATRONI, startHaproxy } from "./haproxy.ts";
import { ask, type Row, urlAt } from "./pair.ts";
import { Folder, listening, signalTree } from "./processes.ts";
import { postgresFolder, program } from "./programs.ts";

const PROXY = 5540;
const ETCD = { clients: 5547, peers: 5548 };

interface Node {
  readonly name: string;
  readonly port: number;
  /** Of Patroni's REST API. */
  readonly api: number;
}

const NODES: readonly Node[] = [0, 1, 2].map((n) => ({ name: `n${n}`, port: 5541 + n, api: 5544 + n }));

/** The length of the leader's lock in seconds, and so of a failover: the least that Patroni allows. Its default is 30. */
const TTL = 20;

/** In a folder of its own, which Patroni makes. */
const dataOf = (name: string, folder: string) => join(folder, name, "data");

const configOf = ({ name, port, api }: Node, folder: string) => `scope: onceonly
name: ${name}
restapi: {listen: "127.0.0.1:${api}", connect_address: "127.0.0.1:${api}"}
etcd3: {host: "127.0.0.1:${ETCD.clients}"}
bootstrap:
  dcs:
    ttl: ${TTL}
    loop_wait: 2
    retry_timeout: 5
    synchronous_mode: true
    maximum_lag_on_failover: 0
    postgresql:
      use_pg_rewind: true
      parameters: {max_connections: 100, wal_keep_size: 128MB, wal_log_hints: "on"}
  initdb: [{encoding: UTF8}, {auth: trust}, no-sync]
  pg_hba: ["host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"]
postgresql:
  listen: "127.0.0.1:${port}"
  connect_address: "127.0.0.1:${port}"
  data_dir: "${dataOf(name, folder)}"
  bin_dir: "${postgresFolder() ?? ""}"
  authentication: {superuser: {username: postgres}, replication: {username: postgres}}
  parameters: {unix_socket_directories: "", fsync: "off", timezone: UTC}
`;

interface Member {
  readonly name: string;
  readonly role: string;
  readonly state: string;
}

const askPatroni = (api: number, path: string) =>
  fetch(`http://127.0.0.1:${api}${path}`, { signal: AbortSignal.timeout(10_000) });

/** It looks at its own state every other second. */
const POLL_MS = 500;

async function members(api: number): Promise<readonly Member[]> {
  return ((await (await askPatroni(api, "/cluster")).json()) as { members: readonly Member[] }).members;
}

export interface Patroni extends AsyncDisposable {
  /** Of the tests' database, by way of HAProxy. */
  url: string;
  /** Asks whoever is the primary. */
  primary(sql: string): Promise<Row[]>;
  /** SIGKILL, for Patroni, PostgreSQL and all its sessions, as when their machine dies. */
  killLeader(): Promise<void>;
}

/** With the tables of the tests' application. */
export async function startPatroni(): Promise<Patroni> {
  const folder = await Folder.make();
  try {
    return await start(folder);
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

async function start(folder: Folder): Promise<Patroni> {
  await startEtcd(folder);
  const processes = new Map<string, number | undefined>();
  for (const node of NODES) {
    // Patroni's PostgreSQL is no child of ours.
    const watchdog = watch(dataOf(node.name, folder.path), join(folder.path, node.name));
    folder.onEnd(async () => {
      const exited = once(watchdog, "exit");
      watchdog.stdin?.end();
      await exited;
    });
  }
  for (const node of NODES) {
    const file = join(folder.path, `${node.name}.yml`);
    await writeFile(file, configOf(node, folder.path));
    const { pid } = await folder.start(node.name, program("patroni"), [file]);
    processes.set(node.name, pid);
    // The first makes the database.
    if (processes.size === 1) await eventually(() => isLeader(node), POLL_MS);
  }
  await eventually(async () => {
    const all = await members(NODES[0]?.api ?? 0);
    const following = all.filter(({ state }) => /^(?:running|streaming)$/.test(state));
    if (following.length < NODES.length || !all.some(({ role }) => role === "sync_standby")) {
      throw new Error(`the cluster is not complete: ${JSON.stringify(all)}`);
    }
  }, POLL_MS);
  await startHaproxy(folder, PROXY, {
    check: ASKING_PATRONI,
    servers: NODES.map(({ port, api }) => ({ port, more: `port ${api}` })),
  });
  await ask(PROXY, ddl("postgresql", "plain"));
  return {
    url: urlAt(PROXY),
    primary: (sql) => ask(PROXY, sql),
    async killLeader() {
      const leader = await leaderOf(NODES);
      const file = join(dataOf(leader.name, folder.path), "postmaster.pid");
      signalTree(processes.get(leader.name), "SIGKILL");
      signalTree(Number.parseInt(readFileSync(file, "utf8"), 10), "SIGKILL");
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

async function startEtcd(folder: Folder): Promise<void> {
  const [clients, peers] = [ETCD.clients, ETCD.peers].map((port) => `http://127.0.0.1:${port}`);
  const flags = {
    "data-dir": join(folder.path, "etcd"),
    "listen-client-urls": clients,
    "advertise-client-urls": clients,
    "listen-peer-urls": peers,
    "initial-advertise-peer-urls": peers,
    "initial-cluster": `default=${peers}`,
    "unsafe-no-fsync": "true",
  };
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  await folder.start("etcd", program("etcd"), args);
  await listening(ETCD.clients);
}

async function isLeader({ api }: Node): Promise<void> {
  const { status } = await askPatroni(api, "/primary");
  if (status !== 200) throw new Error("not the leader");
}

const leaderOf = (nodes: readonly Node[]) =>
  Promise.any(nodes.map((node) => isLeader(node).then(() => node)));
