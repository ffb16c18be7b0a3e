/** Servers of a cluster as processes of the system's user "postgres": PostgreSQL and PgBouncer refuse to run as root. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, readFileSync, rmSync } from "node:fs";
import { chown, mkdtemp } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { eventually } from "../../support/eventually.ts";
import { program } from "./programs.ts";

const idOf = async (flag: string) => Number((await promisify(execFile)("id", [flag, "postgres"])).stdout);

const serverUser = async () =>
  process.getuid?.() === 0 ? { uid: await idOf("-u"), gid: await idOf("-g") } : {};

/** Runs a program to its end. */
export async function run(command: string, args: readonly string[], folder: string): Promise<void> {
  await promisify(execFile)(command, args, { ...(await serverUser()), cwd: folder });
}

/** A folder of a cluster, and what runs in it. When it is disposed of, all that is killed, and the folder removed. */
export class Folder implements AsyncDisposable {
  readonly path: string;
  readonly #ends: (() => unknown)[] = [];

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<Folder> {
    const path = await mkdtemp(join(tmpdir(), "onceonly-cluster-"));
    const { uid, gid } = await serverUser();
    if (uid !== undefined) await chown(path, uid, gid);
    return new Folder(path);
  }

  /** Starts a server, which ends with this process, however that ends. */
  async start(name: string, command: string, args: readonly string[]): Promise<ChildProcess> {
    const log = openSync(join(this.path, `${name}.log`), "a");
    const child = spawn(program("setpriv"), ["--pdeathsig", "KILL", command, ...args], {
      ...(await serverUser()),
      cwd: this.path,
      // Patroni writes there, and that of root is closed to it.
      env: { ...process.env, HOME: this.path },
      stdio: ["ignore", log, log],
    });
    await once(child, "spawn");
    this.onEnd(() => stop(child));
    return child;
  }

  /** The last are called first. */
  onEnd(end: () => unknown): void {
    this.#ends.unshift(end);
  }

  log(name: string): string {
    return readFileSync(join(this.path, `${name}.log`), "utf8");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends) await end();
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);

/** Sends a signal to a process and its children at once, as when their machine dies or stands still. */
export function signalTree(pid: number | undefined, signal: "SIGKILL" | "SIGSTOP"): void {
  if (pid === undefined) throw new Error("no such process");
  for (const id of [pid, ...childrenOf(pid)]) process.kill(id, signal);
}

/** Waits until something listens at a port of this machine. */
export function listening(port: number): Promise<unknown> {
  return eventually(async () => {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
    } finally {
      socket.destroy();
    }
  });
}
