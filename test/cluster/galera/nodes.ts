/** Starts, kills and restarts the servers of a Galera cluster on this machine. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Connection, createConnection } from "mariadb";
import { galeraLibrary, pathOfProgram } from "./installed.ts";
import { knownAddress, Links, ownAddress } from "./links.ts";

export const NODES = 3;
const nodes = Array.from({ length: NODES }, (_, n) => n);

/** Not those that a server of the system has. */
const portsOf = (n: number) => ({
  sql: 3417 + 10 * n,
  group: 4617 + 10 * n,
  incremental: 4618 + 10 * n,
  whole: 4614 + 10 * n,
});

export const sqlPort = (n: number): number => portsOf(n).sql;

/** A server of root's would run rsync as nobody, who may not read the data. */
const isRoot = process.getuid?.() === 0;
const user = isRoot ? ["--user=mysql"] : [];

/** Half of what Galera takes, so that tests wait less for a node to be given up. */
const TIMES =
  "evs.keepalive_period=PT0.5S;evs.inactive_check_period=PT0.5S;evs.suspect_timeout=PT2.5S;evs.inactive_timeout=PT7.5S";

const START_MS = 90_000;

/** Half a gigabyte in memory, where there is room. */
function newDirectory(): string {
  const memory = "/dev/shm";
  const isRoomy = existsSync(memory) && statfsSync(memory).bavail * statfsSync(memory).bsize > 2e9;
  const directory = mkdtempSync(join(isRoomy ? memory : tmpdir(), "onceonly-galera-"));
  if (isRoot) execFileSync("chown", ["mysql", directory]);
  return directory;
}

export class Nodes {
  readonly #directory = newDirectory();
  readonly #links = new Links(nodes.map((n) => portsOf(n).group));
  readonly #servers: (ChildProcess | undefined)[] = [];

  /** All of them, with a user root who has no password. */
  async start(): Promise<void> {
    await this.#links.listen();
    const first = this.#dataOf(0);
    const install = pathOfProgram("mariadb-install-db") ?? "mariadb-install-db";
    const options = ["--auth-root-authentication-method=normal", "--skip-test-db", `--datadir=${first}`];
    execFileSync(install, ["--no-defaults", ...user, ...options], { stdio: "ignore" });
    this.#spawn(0, ["--wsrep-new-cluster"]);
    await this.#synced(0);
    const connection = await this.#connection(0);
    await connection.query("SHUTDOWN");
    connection.destroy();
    await this.#ended(0);
    // The others begin with the same state, which nobody then has to send them.
    for (const n of nodes.slice(1)) execFileSync("cp", ["-a", first, this.#dataOf(n)]);
    this.#spawn(0, ["--wsrep-new-cluster"]);
    await this.#synced(0);
    for (const n of nodes.slice(1)) this.#spawn(n);
    for (const n of nodes.slice(1)) await this.#synced(n);
  }

  async kill(n: number): Promise<void> {
    this.#servers[n]?.kill("SIGKILL");
    await this.#ended(n);
  }

  async restart(n: number): Promise<void> {
    this.#spawn(n);
    await this.#synced(n);
  }

  cut(n: number): void {
    this.#links.cut(n);
  }

  async heal(n: number): Promise<void> {
    this.#links.heal(n);
    await this.#synced(n);
  }

  /** At once, for the end of the process. */
  close(): void {
    for (const server of this.#servers) server?.kill("SIGKILL");
    this.#links.close();
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 5 });
  }

  #dataOf(n: number): string {
    return join(this.#directory, `data${n}`);
  }

  #pathOf(n: number, kind: "log" | "sock"): string {
    return join(this.#directory, `${n}.${kind}`);
  }

  #spawn(n: number, more: readonly string[] = []): void {
    const { sql, group, incremental, whole } = portsOf(n);
    const own = ownAddress(n);
    const members = nodes
      .filter((other) => other !== n)
      .map((other) => `${knownAddress(other)}:${portsOf(other).group}`);
    const options = {
      datadir: this.#dataOf(n),
      socket: this.#pathOf(n, "sock"),
      "pid-file": join(this.#directory, `${n}.pid`),
      "log-error": this.#pathOf(n, "log"),
      "bind-address": "127.0.0.1",
      port: sql,
      "max-connections": 200,
      "character-set-server": "utf8mb4",
      "innodb-flush-log-at-trx-commit": 0,
      "innodb-buffer-pool-size": "64M",
      "innodb-log-file-size": "32M",
      "innodb-doublewrite": 0,
      // What Galera needs.
      "binlog-format": "ROW",
      "default-storage-engine": "InnoDB",
      "innodb-autoinc-lock-mode": 2,
      "wsrep-on": "ON",
      "wsrep-provider": galeraLibrary(),
      "wsrep-cluster-name": "onceonly",
      "wsrep-cluster-address": `gcomm://${members.join(",")}`,
      "wsrep-node-name": `node${n}`,
      "wsrep-node-address": `${own}:${group}`,
      "wsrep-node-incoming-address": `127.0.0.1:${sql}`,
      "wsrep-sst-method": "rsync",
      "wsrep-sst-receive-address": `127.0.0.1:${whole}`,
      "wsrep-slave-threads": 2,
      "wsrep-provider-options":
        `base_host=${own};base_port=${group};gmcast.listen_addr=tcp://${own}:${group};` +
        `ist.recv_addr=127.0.0.1:${incremental};gcache.size=32M;gcache.page_size=32M;${TIMES}`,
    };
    const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    const program = pathOfProgram("mariadbd") ?? "mariadbd";
    mkdirSync(this.#directory, { recursive: true });
    this.#servers[n] = spawn(program, ["--no-defaults", ...user, "--skip-name-resolve", ...args, ...more], {
      stdio: "ignore",
    });
  }

  async #ended(n: number): Promise<void> {
    const server = this.#servers[n];
    if (server !== undefined && server.exitCode === null && server.signalCode === null)
      await once(server, "exit");
  }

  #connection(n: number): Promise<Connection> {
    return createConnection({ socketPath: this.#pathOf(n, "sock"), user: "root", connectTimeout: 2_000 });
  }

  async #synced(n: number): Promise<void> {
    const until = performance.now() + START_MS;
    while (!(await this.#isSynced(n))) {
      const server = this.#servers[n];
      if (performance.now() > until || server?.exitCode !== null || server.signalCode !== null) {
        const log = readFileSync(this.#pathOf(n, "log"), "utf8").split("\n").slice(-40).join("\n");
        throw new Error(`node ${n} of the cluster did not get ready:\n${log}`);
      }
      await sleep(100);
    }
  }

  async #isSynced(n: number): Promise<boolean> {
    let connection: Connection | undefined;
    try {
      connection = await this.#connection(n);
      const rows = await connection.query<{ Value: string }[]>(
        "SHOW STATUS LIKE 'wsrep_local_state_comment'",
      );
      return rows[0]?.Value === "Synced";
    } catch {
      return false;
    } finally {
      connection?.destroy();
    }
  }
}
