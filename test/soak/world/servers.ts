/** The processes of the application, and what may become of each. */
import { setTimeout as sleep } from "node:timers/promises";
import { Relay } from "../../support/relay.ts";
import { spawnWorker, type Worker } from "../../support/worker.ts";
import type { FromServer, ServerData } from "../application/server-process.ts";

/** Clocks of hosts that are wrong: an hour ahead, an hour behind, right. */
const SKEWS_MS = [3_600_000, -3_600_000, 0];

const STARTS_MAX = 20;

export class ServerProcess implements AsyncDisposable {
  /** What clients reach it by, whichever process is behind it. */
  relay!: Relay;
  readonly #data: ServerData;
  readonly #imports: readonly URL[];
  #worker: Worker<FromServer, never> | undefined;
  #port = 0;
  #life = 0;
  /** What each process said that ended by itself, which none should. */
  readonly deaths: string[] = [];

  /** `data.by` is given the number of its life. */
  constructor(number: number, data: ServerData) {
    this.#data = data;
    const ms = SKEWS_MS[number % SKEWS_MS.length] ?? 0;
    this.#imports = ms === 0 ? [] : [new URL(`../../support/skewed-clock.ts?ms=${ms}`, import.meta.url)];
  }

  async open(): Promise<this> {
    this.relay = await Relay.open(() => this.#port);
    await this.#start();
    return this;
  }

  async #start(): Promise<void> {
    this.#life += 1;
    const data = { ...this.#data, by: `${this.#data.by}.${this.#life}` };
    // A broker or a database that is away may end it at once; it is started again, as supervisors do.
    for (let starts = 1; ; starts += 1) {
      const script = new URL("../application/server-process.ts", import.meta.url);
      const worker = spawnWorker<FromServer>(script, data, { imports: this.#imports });
      try {
        this.#port = (await worker.waitFor("listening")).port;
        this.#worker = worker;
        void this.#watch(worker);
        return;
      } catch (error) {
        if (starts === STARTS_MAX) throw error;
        await sleep(500);
      }
    }
  }

  async #watch(worker: Worker<FromServer, never>): Promise<void> {
    // It says so once; what comes of a second wait is how it ends.
    const error: unknown = await worker.waitFor("listening").catch((end: unknown) => end);
    if (this.#worker !== worker) return;
    this.deaths.push(String(error));
    this.#worker = undefined;
    this.#port = 0;
    await this.#start();
  }

  /** SIGKILL; another process takes its place after a while. */
  async crash(): Promise<void> {
    const worker = this.#worker;
    // It has ended by itself, and is being replaced.
    if (worker === undefined) return;
    this.#worker = undefined;
    this.#port = 0;
    await worker.kill();
    await sleep(Math.random() * 1_000);
    await this.#start();
  }

  /** SIGSTOP: connections stay open, leases lapse, and nothing is done. */
  async standStill(ms: number): Promise<void> {
    const pid = this.#worker?.pid;
    if (pid === undefined) return;
    try {
      process.kill(pid, "SIGSTOP");
      await sleep(ms);
      process.kill(pid, "SIGCONT");
    } catch {
      // It has ended by itself, which is found elsewhere.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.relay[Symbol.asyncDispose]();
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.kill();
  }
}
