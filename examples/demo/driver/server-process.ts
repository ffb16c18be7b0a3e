import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { FromServer, PausePoint, ToServer } from "./messages.ts";

const WAIT_MS = 120_000;

/** The server as a process of its own, so that it can be killed like one. Restarts keep port and database. */
export class ServerProcess {
  readonly #databaseUrl: string;
  #child: ChildProcess | undefined;
  #port = 0;

  constructor(databaseUrl: string) {
    this.#databaseUrl = databaseUrl;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async start(): Promise<void> {
    this.#child = fork(fileURLToPath(new URL("../server.ts", import.meta.url)), {
      env: { ...process.env, DATABASE_URL: this.#databaseUrl, PORT: String(this.#port) },
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const { listening } = await this.#message((message) => "listening" in message);
    this.#port = listening;
  }

  /** From now on, a mutation that reaches `point` stops there forever. */
  async pauseAt(point: PausePoint): Promise<void> {
    const armed = this.#message((message) => "armed" in message);
    this.#running.send({ pauseAt: point } satisfies ToServer);
    await armed;
  }

  /** Waits until a mutation has reached a point named by {@link pauseAt}. */
  async reached(): Promise<void> {
    await this.#message((message) => "reached" in message);
  }

  /** SIGKILL: no handler of the server runs, no buffer is flushed, nothing is tidied up. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  /** Waits until the server ends by itself, or by Ctrl-C. */
  async ended(): Promise<void> {
    await once(this.#running, "exit");
  }

  get #running(): ChildProcess {
    if (this.#child === undefined) throw new Error("the server is not running");
    return this.#child;
  }

  #message<T extends FromServer>(wanted: (message: FromServer) => message is T): Promise<T> {
    const child = this.#running;
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        clearTimeout(timer);
        child.off("message", onMessage).off("exit", onExit);
        finish();
      };
      const onMessage = (message: FromServer) => {
        if (wanted(message)) settle(() => resolve(message));
      };
      const onExit = (code: number | null, signal: string | null) =>
        settle(() => reject(new Error(`the server ended (${signal ?? code})`)));
      const timer = setTimeout(
        () => settle(() => reject(new Error(`the server said nothing for ${WAIT_MS} ms`))),
        WAIT_MS,
      );
      child.on("message", onMessage).on("exit", onExit);
    });
  }
}
