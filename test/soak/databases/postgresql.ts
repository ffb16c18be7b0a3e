/** A primary and a synchronous standby, which change their parts. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { ask, urlAt } from "../../cluster/postgresql/pair.ts";
import { Folder, run, signalTree } from "../../cluster/postgresql/processes.ts";
import { postgresFolder } from "../../cluster/postgresql/programs.ts";
import { ddl } from "../../support/ddl.ts";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";
import { Relay } from "../../support/relay.ts";
import type { SoakDatabase } from "./database.ts";

// The processes are killed, not their machine: what they have written is in the file system.
const SETTINGS = `listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 120
fsync = off
wal_level = replica
wal_log_hints = on
wal_keep_size = '1GB'
hot_standby = on
synchronous_commit = on
timezone = 'UTC'
`;

interface Node {
  readonly name: string;
  readonly port: number;
  server: ChildProcess | undefined;
}

const bin = (name: string) => join(postgresFolder() ?? "", name);

class Pair {
  readonly #folder: Folder;
  primary: Node;
  #standby: Node;

  constructor(folder: Folder, primary: Node, standby: Node) {
    this.#folder = folder;
    this.primary = primary;
    this.#standby = standby;
  }

  async start(): Promise<void> {
    const data = join(this.#folder.path, this.primary.name);
    const options = ["-D", data, "-U", "postgres", "-A", "trust", "--no-sync"];
    await run(bin("initdb"), options, this.#folder.path);
    await appendFile(join(data, "postgresql.conf"), SETTINGS);
    await this.#startNode(this.primary);
    await this.#copyToStandby();
    await this.#startNode(this.#standby);
    await this.#waitForStandby();
  }

  /** SIGKILL for the primary and all its sessions; the same server starts again. */
  async restart(): Promise<void> {
    await this.#kill(this.primary);
    await this.#startNode(this.primary);
    await this.#waitForStandby();
  }

  /** SIGKILL for the primary; the standby takes its part, and the former primary becomes the standby. */
  async failOver(): Promise<void> {
    await this.#kill(this.primary);
    const heir = this.#standby;
    await ask(heir.port, "SELECT pg_promote()");
    this.#standby = this.primary;
    this.primary = heir;
    await ask(heir.port, "ALTER SYSTEM RESET synchronous_standby_names");
    await ask(heir.port, "SELECT pg_reload_conf()");
    await ask(heir.port, "CHECKPOINT");
    await this.#rejoin();
    await this.#waitForStandby();
  }

  async #kill(node: Node): Promise<void> {
    const { server } = node;
    if (server === undefined) throw new Error(`${node.name} does not run`);
    const exited = once(server, "exit");
    signalTree(server.pid, "SIGKILL");
    await exited;
    node.server = undefined;
  }

  async #startNode(node: Node): Promise<void> {
    const data = join(this.#folder.path, node.name);
    node.server = await this.#folder.start(node.name, bin("postgres"), ["-D", data, "-p", String(node.port)]);
    await eventually(() => ask(node.port, "SELECT 1"));
  }

  #source(): string {
    return `host=127.0.0.1 port=${this.primary.port} user=postgres dbname=postgres application_name=standby`;
  }

  async #copyToStandby(): Promise<void> {
    const data = join(this.#folder.path, this.#standby.name);
    await run("rm", ["-rf", data], this.#folder.path);
    const options = ["-d", this.#source(), "-D", data, "-R", "-X", "stream", "-c", "fast", "--no-sync"];
    await run(bin("pg_basebackup"), options, this.#folder.path);
  }

  async #rejoin(): Promise<void> {
    const data = join(this.#folder.path, this.#standby.name);
    try {
      const options = ["-D", data, `--source-server=${this.#source()}`, "-R", "--no-sync"];
      await run(bin("pg_rewind"), options, this.#folder.path);
    } catch {
      // For want of WAL, for example.
      await this.#copyToStandby();
    }
    await this.#startNode(this.#standby);
  }

  async #waitForStandby(): Promise<void> {
    await eventually(async () => {
      const rows = await ask(this.primary.port, "SELECT FROM pg_stat_replication WHERE state = 'streaming'");
      if (rows.length === 0) throw new Error("no standby follows");
    });
    // Until it has followed, a COMMIT would wait for it.
    await ask(this.primary.port, "ALTER SYSTEM SET synchronous_standby_names = '*'");
    await ask(this.primary.port, "SELECT pg_reload_conf()");
    await eventually(async () => {
      const rows = await ask(this.primary.port, "SELECT FROM pg_stat_replication WHERE sync_state = 'sync'");
      if (rows.length === 0) throw new Error("no standby is synchronous");
    });
  }
}

/** `servers`: how many processes of the application there are. */
export async function openSoakPostgresql(servers: number): Promise<SoakDatabase> {
  if (postgresFolder() === undefined)
    throw new Error("no PostgreSQL with its tools: apt-get install postgresql");
  const folder = await Folder.make();
  const nodeOf = async (name: string): Promise<Node> => ({ name, port: await freePort(), server: undefined });
  const pair = new Pair(folder, await nodeOf("a"), await nodeOf("b"));
  await pair.start();
  await ask(pair.primary.port, ddl("postgresql", "plain"));
  const relays = await Promise.all(
    Array.from({ length: servers }, () => Relay.open(() => pair.primary.port)),
  );
  const cutting = async (deed: Promise<void>) => {
    await deed;
    for (const relay of relays) relay.cut();
  };
  return {
    provider: "postgresql",
    relays,
    urlFor: (server) => urlAt(relays[server]?.port ?? 0),
    pool: {},
    nodes: 1,
    deeds: {
      "the primary crashes and starts again": () => cutting(pair.restart()),
      "the primary dies, the standby takes over": () => cutting(pair.failOver()),
    },
    query: (sql) => ask(pair.primary.port, sql),
    async [Symbol.asyncDispose]() {
      for (const relay of relays) await relay[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
