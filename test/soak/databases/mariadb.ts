/** A server of its own, to be killed. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathOfProgram } from "../../cluster/galera/installed.ts";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";
import { createMariadbDatabase, sideConnection, urlOfMariadb } from "../../support/mariadb-databases.ts";
import { Relay } from "../../support/relay.ts";
import { NO_FIRST_STATEMENT, type Row, type SoakDatabase } from "./database.ts";

/** A server of root's must be told to be somebody else. */
const user = process.getuid?.() === 0 ? ["--user=mysql"] : [];

const ask = async (url: string, sql: string): Promise<Row[]> => {
  const connection = await sideConnection(url);
  connection.on("error", () => {});
  try {
    const rows: unknown = await connection.query(sql);
    return Array.isArray(rows) ? (rows as Row[]) : [];
  } finally {
    connection.destroy();
  }
};

class Server {
  readonly port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), "onceonly-soak-mariadb-"));
  #process: ChildProcess | undefined;

  constructor(port: number) {
    this.port = port;
  }

  get url(): string {
    return `mariadb://root@127.0.0.1:${this.port}`;
  }

  install(): void {
    if (user.length > 0) execFileSync("chown", ["mysql", this.#folder]);
    const program = pathOfProgram("mariadb-install-db");
    if (program === undefined) throw new Error("no MariaDB: apt-get install mariadb-server");
    const options = ["--auth-root-authentication-method=normal", "--skip-test-db"];
    execFileSync(program, ["--no-defaults", ...user, ...options, `--datadir=${this.#folder}/data`], {
      stdio: "ignore",
    });
  }

  async start(): Promise<void> {
    const options = {
      datadir: join(this.#folder, "data"),
      socket: join(this.#folder, "sock"),
      "pid-file": join(this.#folder, "pid"),
      "log-error": join(this.#folder, "log"),
      "bind-address": "127.0.0.1",
      port: this.port,
      "max-connections": 200,
      "character-set-server": "utf8mb4",
      // Written at COMMIT, not flushed: the process is killed, not its machine.
      "innodb-flush-log-at-trx-commit": 2,
      "innodb-buffer-pool-size": "256M",
      "innodb-log-file-size": "128M",
    };
    const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    this.#process = spawn(
      pathOfProgram("mariadbd") ?? "mariadbd",
      ["--no-defaults", ...user, "--skip-name-resolve", ...args],
      { stdio: "ignore" },
    );
    await eventually(() => ask(this.url, "SELECT 1"));
  }

  async kill(): Promise<void> {
    const server = this.#process;
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, "exit");
    server.kill("SIGKILL");
    await exited;
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

export async function openSoakMariadb(servers: number): Promise<SoakDatabase> {
  const server = new Server(await freePort());
  server.install();
  await server.start();
  const run = { url: server.url, prefix: "onceonly" };
  const name = await createMariadbDatabase(run, "plain");
  const relays = await Promise.all(Array.from({ length: servers }, () => Relay.open(() => server.port)));
  return {
    provider: "mariadb",
    relays,
    urlFor: (number) =>
      urlOfMariadb({ ...run, url: `mariadb://root@127.0.0.1:${relays[number]?.port}` }, name),
    pool: NO_FIRST_STATEMENT,
    nodes: 1,
    deeds: {
      "the server crashes and starts again": async () => {
        await server.kill();
        await server.start();
      },
    },
    query: (sql) => ask(urlOfMariadb(run, name), sql),
    async [Symbol.asyncDispose]() {
      for (const relay of relays) await relay[Symbol.asyncDispose]();
      await server.remove();
    },
  };
}
