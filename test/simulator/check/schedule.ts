/** Runs a plan: clients who ask, processes that answer, and what goes wrong meanwhile. */
import { Network } from "../database/network.ts";
import { Server } from "../database/server.ts";
import type { Image, Program } from "../world/image.ts";
import { SimulatedProcess } from "../world/process.ts";
import { Choices } from "../world/random.ts";
import { type Line, World } from "../world/world.ts";
import { Handlers, PLAIN } from "./handlers.ts";
import { type Asked, executionIn, Judge } from "./judge.ts";
import { type Plan, type Request, type Trouble, UNKNOWN_CODE } from "./plan.ts";
import { idOf, OPERATION, type Running, SCOPE, startCompleter, startProgram } from "./running.ts";
import { type Stage, Troubles } from "./troubles.ts";

/** What became of a schedule. */
export interface Verdict {
  readonly violations: readonly string[];
  readonly story: readonly Line[];
  /** How many outcomes were committed. */
  readonly committed: number;
  /** The virtual time that it took, in milliseconds. */
  readonly tookMs: number;
}

/** After all trouble is over, everybody has to be answered within this virtual time. */
const PATIENCE_MS = 30 * 60_000;
/** And then everything has to come to rest. */
const REST_MS = 10 * 60_000;

export async function runSchedule(plan: Plan, images: readonly Image[], isTold = false): Promise<Verdict> {
  const schedule = new Schedule(plan, images, isTold);
  return schedule.run();
}

class Schedule implements Stage {
  readonly #plan: Plan;
  readonly #images: readonly Image[];
  readonly world: World;
  readonly server: Server;
  readonly network: Network;
  readonly #judge: Judge;
  readonly #handlers: Handlers;
  readonly #troubles: Troubles;
  readonly running: (Running | undefined)[] = [];
  readonly #lives: number[] = [];
  readonly #begun = new Map<string, number>();
  #open = 0;
  #calls = 0;

  constructor(plan: Plan, images: readonly Image[], isTold: boolean) {
    const { seed, settings } = plan;
    this.#plan = plan;
    this.#images = images;
    this.world = new World(isTold, seed % 16 === 0);
    this.server = new Server(this.world, new Choices(seed, "server"), settings.kind === "cluster");
    this.server.lagMs = settings.lagMs;
    this.network = new Network(this.world, this.server, new Choices(seed, "network"));
    this.#judge = new Judge(this.server, (key) => this.server.tables.get(key), settings);
    this.#handlers = new Handlers(this.world, this.#judge);
    this.#troubles = new Troubles(this);
  }

  get #program(): Program {
    return (this.#images[0] as Image).program;
  }

  async run(): Promise<Verdict> {
    const { settings, requests, troubles } = this.#plan;
    this.server.onCommit = (transaction) => this.#judge.committing(transaction);
    for (let index = 0; index < settings.processes; index += 1) this.#start(index);
    for (const trouble of troubles) this.#troubles.prepare(trouble);
    for (const request of requests) {
      this.#open += 1;
      this.world.at(request.at, () => void this.#client(request));
    }
    // What is sent with a message may be sent at any time.
    const isAnswered = () => this.#open === 0 || this.#judge.violations.length > 0;
    const done = await this.world.run(isAnswered, PATIENCE_MS + Math.max(0, ...requests.map(({ at }) => at)));
    if (!done)
      this.#judge.never(
        `progress: ${this.#open} clients are not answered after ${PATIENCE_MS / 60_000} minutes`,
      );
    const tookMs = this.world.now;
    if (this.#judge.violations.length === 0) await this.#rest();
    return {
      violations: this.#judge.violations.map(({ message }) => message),
      story: this.world.story ?? [],
      committed: this.#judge.committed,
      tookMs,
    };
  }

  /** Nothing may be left over: no connection, no transaction, no call. */
  async #rest(): Promise<void> {
    const isAtRest = () =>
      this.#calls === 0 &&
      this.server.openTransactions.length === 0 &&
      this.running.every((running) => running === undefined || running.pool.busy === 0);
    const horizon = Math.max(this.world.now, this.#troubles.calmAt) + REST_MS;
    if (!(await this.world.run(() => isAtRest() || this.#judge.violations.length > 0, horizon))) {
      const busy = this.running.flatMap((running) => (running ? [running.pool.busy] : []));
      this.#judge.never(
        `rest: ${this.#calls} calls, ${busy.join(" + ")} connections and ${this.server.openTransactions.join(", ") || "no transactions"} are left`,
      );
    }
    for (const running of this.running) running?.process.kill();
  }

  #start(index: number): void {
    const { seed, settings } = this.#plan;
    const life = (this.#lives[index] ?? 0) + 1;
    this.#lives[index] = life;
    const name = life === 1 ? `P${index + 1}` : `P${index + 1}.${life}`;
    const choices = new Choices(seed, name);
    const clocks = { rate: choices.between(0.995, 1.005), wallAheadMs: choices.between(-30_000, 30_000) };
    const process = new SimulatedProcess(name, this.world, choices, clocks);
    const image = this.#images[index] as Image;
    this.running[index] = startProgram(image, process, this.network, settings);
    this.world.tell(name, () => "starts");
    if (settings.mode === "lease" && settings.hasCompleter && index === 0) {
      startCompleter(image, this.running[index], ({ key, input }, context) =>
        this.#handlers.leased(
          process,
          context,
          { recordId: idOf(image.program, key), input, asked: undefined },
          PLAIN,
        ),
      );
    }
  }

  /** It comes back as another one. */
  kill(process: SimulatedProcess, { backAfterMs, death }: Trouble & { readonly what: "kill" }): void {
    const index = this.running.findIndex((running) => running?.process === process);
    if (index < 0) return;
    this.world.tell(process.name, () => "is killed");
    this.running[index] = undefined;
    this.network.cutOfDeath = death;
    process.kill();
    this.world.after(backAfterMs, () => this.#start(index));
  }

  /** Asks until it is answered, or told that asking again makes no sense. */
  async #client(request: Request): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      const index = request.processes[attempt % request.processes.length] as number;
      const isOver = await this.#attempt(request, this.running[index], attempt);
      if (isOver) break;
      await this.#pause(attempt < 4 ? request.retryMs : Math.max(request.retryMs, 500));
    }
    this.#open -= 1;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.world.after(ms, resolve);
    });
  }

  /** Resolves to whether it is over. */
  async #attempt(request: Request, running: Running | undefined, attempt: number): Promise<boolean> {
    if (running === undefined) return false;
    const { process } = running;
    return new Promise((resolve) => {
      const patience = this.world.after(request.patienceMs, () => {
        this.world.tell(request.name, () => "waits no longer");
        resolve(false);
      });
      let isUnderWay = true;
      this.#calls += 1;
      const end = () => {
        if (isUnderWay) this.#calls -= 1;
        isUnderWay = false;
      };
      process.onDeath(() => {
        end();
        patience.act = undefined;
        resolve(false);
      });
      // The request arrives.
      this.world.after(
        this.network.latency(),
        () =>
          void (async () => {
            const isOver = await this.#ask(request, running, attempt);
            end();
            // The answer arrives.
            this.world.after(this.network.latency(), () => {
              patience.act = undefined;
              resolve(isOver);
            });
          })(),
        process,
      );
    });
  }

  async #ask(request: Request, { process, idempotency }: Running, attempt: number): Promise<boolean> {
    const { name, key, input } = request;
    const recordId = idOf(this.#program, key);
    const databaseTime = this.server.now();
    const { committed } = this.#judge;
    const asked: Asked = {
      request: name,
      recordId,
      input,
      databaseTime,
      committed,
      executions: [],
      began: 0,
      ended: Number.POSITIVE_INFINITY,
    };
    this.#judge.asks(asked);
    const tell = (what: string) => this.world.tell(name, () => what);
    tell(`asks ${process.name} for ${key} with ${input}`);
    const isRetry = request.isRetry || attempt > 0;
    const call = { operation: OPERATION, scope: SCOPE, key, input };
    // After that, its handlers are quick and succeed, so that every client can be answered at last.
    const behaviourOf = () => request.behaviours[this.#began(name)] ?? PLAIN;
    const about = { recordId, input, asked };
    try {
      const settled = await (this.#plan.settings.mode === "transaction"
        ? idempotency.runSettled({ ...call, isRetry }, (context) =>
            this.#handlers.inTransaction(process, context, about, behaviourOf()),
          )
        : idempotency.runLeasedSettled(call, (context) =>
            this.#handlers.leased(process, context, about, behaviourOf()),
          ));
      const text = settled.status === "completed" ? settled.value : String(settled.error);
      const isGivenUp = settled.status === "failed" && /given up/.test(text);
      tell(`is answered by ${process.name}${settled.replayed ? ", by a replay" : ""}: ${text}`);
      if (!isGivenUp) {
        const answeredInput = /input#(\w+)/.exec(text)?.[1] ?? "";
        this.#judge.answered(asked, executionIn(text), answeredInput, settled.replayed);
      }
      return true;
    } catch (error) {
      return this.#refused(asked, error, process);
    } finally {
      this.#judge.ends(asked);
    }
  }

  /** How often a handler was called for a request before. */
  #began(request: string): number {
    const times = this.#begun.get(request) ?? 0;
    this.#begun.set(request, times + 1);
    return times;
  }

  /** Resolves to whether there is no use in asking again. */
  #refused(asked: Asked, error: unknown, process: SimulatedProcess): boolean {
    const { isIdempotencyError } = this.#program;
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const code = isIdempotencyError(error) ? error.code : "";
    this.world.tell(asked.request, () => `fails at ${process.name}: ${code || text}${causesOf(error)}`);
    switch (code) {
      case "IN_PROGRESS":
      case "STORE_UNAVAILABLE":
      case "LEASE_LOST":
        return false;
      case "CLAIM_LOST":
        if (!this.#plan.requests.some(({ behaviours }) => behaviours.some(({ tampers }) => tampers))) {
          this.#judge.never(`errors: ${asked.request} has lost its claim, which nobody has touched`);
        }
        return false;
      case "KEY_REUSED":
        this.#judge.refused(asked);
        this.#judge.failed(asked, text);
        return true;
      case "RESULT_UNSTORABLE":
        this.#judge.failed(asked, text);
        return true;
      case "":
        if (
          error instanceof Error &&
          /^onceonly|is not a function|undefined|released connection/.test(error.message)
        ) {
          this.#judge.never(`errors: ${asked.request} failed with ${text}`);
        }
        this.#judge.failed(asked, text);
        return true;
      default:
        if (code === "STORE_MISCONFIGURED" && this.#mayBePermanent) {
          this.#judge.failed(asked, text);
          return true;
        }
        this.#judge.never(`errors: ${asked.request} failed with ${code}: ${text}${causesOf(error)}`);
        return true;
    }
  }

  /** Of what a driver or a database says in words that nobody knows, it is not known whether a retry helps. */
  get #mayBePermanent(): boolean {
    return this.#plan.troubles.some(
      (trouble) =>
        (trouble.what === "cut" && trouble.words === "unknown") ||
        (trouble.what === "fail" && trouble.code === UNKNOWN_CODE) ||
        trouble.what === "read only",
    );
  }
}

function causesOf(error: unknown): string {
  const { cause } = (error ?? {}) as { readonly cause?: unknown };
  return cause instanceof Error ? ` (${cause.message})${causesOf(cause)}` : "";
}
