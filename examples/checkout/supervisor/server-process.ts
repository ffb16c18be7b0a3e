import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** Runs the server as a process of its own, and restarts it on the same port whenever it was killed. */
export class ServerProcess {
  #child: ChildProcess | undefined;
  #port: number;
  readonly #env: NodeJS.ProcessEnv;
  #isStopping = false;

  constructor(port: number, env: NodeJS.ProcessEnv) {
    this.#port = port;
    this.#env = env;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** @throws Error when the server ends before it listens. */
  async start(): Promise<void> {
    const child = fork(fileURLToPath(new URL("../server.ts", import.meta.url)), {
      env: { ...process.env, ...this.#env, PORT: String(this.#port) },
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child = child;
    const ended = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
    const listening = once(child, "message") as Promise<[{ listening: number }]>;
    const first = await Promise.race([listening, ended]);
    if (typeof first[0] !== "object" || first[0] === null) {
      throw new Error(`the server ended before it listened (${first[1] ?? first[0]})`);
    }
    this.#port = first[0].listening;
    void ended.then(([code, signal]) => this.#restart(signal ?? code));
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  async #restart(reason: string | number | null): Promise<void> {
    if (this.#isStopping) return;
    console.log(`The server ended (${reason}). Starting it again.`);
    await this.start();
    console.log(`The server is back, process ${this.#child?.pid}.`);
  }
}
