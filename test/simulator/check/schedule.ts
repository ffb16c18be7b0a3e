/** Runs a plan: clients who ask, processes that answer, and what goes wrong meanwhile. */
import type { Idempotency, LeaseContext, RunContext } from "../../../src/core/contract/idempotency.ts";
import { type Connection, Network, Pool } from "../database/network.ts";
import { Server } from "../database/server.ts";
import type { SimulatedPrisma } from "../program/prisma.ts";
import type { Image } from "../world/image.ts";
import { SimulatedProcess } from "../world/process.ts";
import { Choices } from "../world/random.ts";
import { type Line, World } from "../world/world.ts";
import { type Asked, executionIn, Judge } from "./judge.ts";
import { type Behaviour, type Plan, type Request, type Trouble, UNKNOWN_CODE } from "./plan.ts";

/** What became of a schedule. */
export interface Verdict {
  readonly violations: readonly string[];
  readonly story: readonly Line[];
  /** How many outcomes were committed. */
  readonly committed: number;
  /** The virtual time that it took, in milliseconds. */
  readonly tookMs: number;
}

const OPERATION = "place";
/** After all trouble is over, everybody has to be answered within this virtual time. */
const PATIENCE_MS = 30 * 60_000;
/** And then everything has to come to rest. */
const REST_MS = 10 * 60_000;

type Client = Idempotency<SimulatedPrisma>;

/** A process with the package in it. */
interface Running {
  readonly process: SimulatedProcess;
  readonly pool: Pool;
  readonly idempotency: Client;
}

export async function runSchedule(plan: Plan, images: readonly Image[], isTold = false): Promise<Verdict> {
  const schedule = new Schedule(plan, images, isTold);
  return schedule.run();
}

class Schedule {
  readonly #plan: Plan;
  readonly #images: readonly Image[];
  readonly #world: World;
  readonly #server: Server;
  readonly #network: Network;
  readonly #judge: Judge;
  readonly #running: (Running | undefined)[] = [];
  readonly #lives: number[] = [];
  readonly #begun = new Map<string, number>();
  #calm = 0;
  #open = 0;
  #calls = 0;

  constructor(plan: Plan, images: readonly Image[], isTold: boolean) {
    const { seed, settings } = plan;
    this.#plan = plan;
    this.#images = images;
    this.#world = new World(isTold, seed % 16 === 0);
    this.#server = new Server(this.#world, new Choices(seed, "server"), settings.kind === "cluster");
    this.#server.lagMs = settings.lagMs;
    this.#network = new Network(this.#world, this.#server, new Choices(seed, "network"));
    this.#judge = new Judge(this.#server, (key) => this.#server.tables.get(key), settings);
  }

  async run(): Promise<Verdict> {
    const { settings, requests, troubles } = this.#plan;
    this.#server.onCommit = (transaction) => this.#judge.committing(transaction);
    for (let index = 0; index < settings.processes; index += 1) this.#start(index);
    for (const trouble of troubles) this.#prepare(trouble);
    for (const request of requests) {
      this.#open += 1;
      this.#world.at(request.at, () => void this.#client(request));
    }
    // What is sent with a message may be sent at any time.
    const isAnswered = () => this.#open === 0 || this.#judge.violations.length > 0;
    const done = await this.#world.run(
      isAnswered,
      PATIENCE_MS + Math.max(0, ...requests.map(({ at }) => at)),
    );
    if (!done)
      this.#judge.never(
        `progress: ${this.#open} clients are not answered after ${PATIENCE_MS / 60_000} minutes`,
      );
    const tookMs = this.#world.now;
    if (this.#judge.violations.length === 0) await this.#rest();
    return {
      violations: this.#judge.violations.map(({ message }) => message),
      story: this.#world.story ?? [],
      committed: this.#judge.committed,
      tookMs,
    };
  }

  /** Nothing may be left over: no connection, no transaction, no call. */
  async #rest(): Promise<void> {
    const isAtRest = () =>
      this.#calls === 0 &&
      this.#server.openTransactions.length === 0 &&
      this.#running.every((running) => running === undefined || running.pool.busy === 0);
    const horizon = Math.max(this.#world.now, this.#calm) + REST_MS;
    if (!(await this.#world.run(() => isAtRest() || this.#judge.violations.length > 0, horizon))) {
      const busy = this.#running.flatMap((running) => (running ? [running.pool.busy] : []));
      this.#judge.never(
        `rest: ${this.#calls} calls, ${busy.join(" + ")} connections and ${this.#server.openTransactions.join(", ") || "no transactions"} are left`,
      );
    }
    for (const running of this.#running) running?.process.kill();
  }

  #start(index: number): void {
    const { seed, settings } = this.#plan;
    const life = (this.#lives[index] ?? 0) + 1;
    this.#lives[index] = life;
    const name = life === 1 ? `P${index + 1}` : `P${index + 1}.${life}`;
    const choices = new Choices(seed, name);
    const clocks = { rate: choices.between(0.995, 1.005), wallAheadMs: choices.between(-30_000, 30_000) };
    const process = new SimulatedProcess(name, this.#world, choices, clocks);
    const image = this.#images[index] as Image;
    image.runs(process);
    const { program } = image;
    const pool = new Pool(process, this.#network, settings.connections);
    const adapterName = settings.kind === "postgresql" ? "@prisma/adapter-pg" : "one by one";
    const prisma = new program.SimulatedPrisma(pool, adapterName, {
      timeout: settings.timeoutMs,
      maxWait: settings.maxWaitMs,
    });
    const store = new program.PrismaStore(prisma, program.simulatedDialect(settings.kind), undefined);
    const idempotency = program.idempotencyOver(store, {
      retentionMs: settings.retentionMs,
      waitMs: settings.waitMs,
      onDuplicate: settings.onDuplicate,
      outageMs: settings.outageMs,
      leaseMs: settings.leaseMs,
      storeInput: settings.mode === "lease" && settings.hasCompleter,
      transaction: { timeoutMs: settings.timeoutMs, maxWaitMs: settings.maxWaitMs },
      ...(settings.retryConflicts !== undefined && { retryConflicts: settings.retryConflicts }),
      ...(settings.storesErrors && { storeError: (error: unknown) => error instanceof AnswerError }),
    }) as unknown as Client;
    this.#running[index] = { process, pool, idempotency };
    this.#world.tell(name, () => "starts");
    if (settings.mode === "lease" && settings.hasCompleter && index === 0) {
      const completer = program.createCompleter({
        idempotency: idempotency as never,
        handlers: {
          [OPERATION]: async (context: LeaseContext<never>, input: never, { key }) =>
            this.#leased(
              process,
              context as unknown as LeaseContext<SimulatedPrisma>,
              { recordId: idOf(image, key), input: String(input), asked: undefined },
              PLAIN,
            ),
        },
        pollMs: 3_000,
        concurrency: 1,
        onError: () => {},
        onGiveUp: () => {},
      });
      completer.start();
    }
  }

  #prepare(trouble: Trouble): void {
    const { moment } = trouble;
    if ("at" in moment) {
      this.#world.at(moment.at, () => this.#happen(trouble));
      return;
    }
    const hook = moment.side === "before" ? "beforeSend" : "afterSend";
    const others = this.#network[hook];
    let met = 0;
    this.#network[hook] = (connection, text) => {
      others(connection, text);
      if (text.includes(moment.with)) {
        met += 1;
        if (met === moment.number) this.#happen(trouble, connection);
      }
    };
  }

  #happen(trouble: Trouble, connection?: Connection): void {
    const world = this.#world;
    const calmIn = (ms: number) => {
      this.#calm = Math.max(this.#calm, world.now + ms);
    };
    const chosen = "process" in trouble ? this.#running[trouble.process]?.process : undefined;
    const process = connection?.process ?? chosen;
    switch (trouble.what) {
      case "kill":
        if (process === undefined) return;
        // What it does at this moment it still does: code that runs cannot be ended in its middle.
        world.after(0, () => this.#kill(process, trouble));
        return calmIn(trouble.backAfterMs);
      case "stop":
        if (process === undefined) return;
        world.tell(process.name, () => `is stopped for ${Math.round(trouble.forMs)} ms`);
        process.stoppedUntil = world.now + trouble.forMs;
        return calmIn(trouble.forMs);
      case "cut":
        if (connection === undefined) return;
        world.tell("network", () => `cuts ${connection.name} as it sends that`);
        connection.cut(trouble);
        return calmIn(Math.min(trouble.clientAfterMs, trouble.serverAfterMs));
      case "fail":
        world.tell("database", () => `will fail that with ${trouble.code}`);
        this.#network.failNext = trouble.code;
        return;
      case "read only":
        world.tell("database", () => `takes no writes for ${Math.round(trouble.forMs)} ms`);
        this.#server.readOnlyUntil = world.now + trouble.forMs;
        return calmIn(trouble.forMs);
      case "crash":
        if (!this.#server.isUp) return;
        world.after(0, () => this.#server.crash(trouble.downMs));
        return calmIn(trouble.downMs);
      case "slow":
        world.tell("network", () => `is ${trouble.times} times slower for ${Math.round(trouble.forMs)} ms`);
        this.#network.slowness = trouble.times;
        world.after(trouble.forMs, () => {
          this.#network.slowness = 1;
        });
        return calmIn(trouble.forMs);
      case "database clock":
        world.tell("database", () => `sets its clock by ${Math.round(trouble.byMs)} ms`);
        this.#server.aheadMs += trouble.byMs;
        return;
      case "process clock":
        if (process !== undefined) process.clocks.wallAheadMs += trouble.byMs;
        return;
      case "prune":
        void this.#running[trouble.process]?.idempotency.prune().catch(() => {});
        return;
      case "forget":
        void this.#running[trouble.process]?.idempotency
          .forget({ operation: OPERATION, scope: "s", key: trouble.key })
          .catch(() => {});
    }
  }

  #kill(process: SimulatedProcess, { backAfterMs, death }: Trouble & { readonly what: "kill" }): void {
    const index = this.#running.findIndex((running) => running?.process === process);
    if (index < 0) return;
    this.#world.tell(process.name, () => "is killed");
    this.#running[index] = undefined;
    this.#network.cutOfDeath = death;
    process.kill();
    this.#world.after(backAfterMs, () => this.#start(index));
  }

  /** Asks until it is answered, or told that asking again makes no sense. */
  async #client(request: Request): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      const index = request.processes[attempt % request.processes.length] as number;
      const isOver = await this.#attempt(request, this.#running[index], attempt);
      if (isOver) break;
      await this.#pause(attempt < 4 ? request.retryMs : Math.max(request.retryMs, 500));
    }
    this.#open -= 1;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#world.after(ms, resolve);
    });
  }

  /** Resolves to whether it is over. */
  async #attempt(request: Request, running: Running | undefined, attempt: number): Promise<boolean> {
    if (running === undefined) return false;
    const { process } = running;
    return new Promise((resolve) => {
      const patience = this.#world.after(request.patienceMs, () => {
        this.#world.tell(request.name, () => "waits no longer");
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
      this.#world.after(
        this.#network.latency(),
        () =>
          void (async () => {
            const isOver = await this.#ask(request, running, attempt);
            end();
            // The answer arrives.
            this.#world.after(this.#network.latency(), () => {
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
    const recordId = idOf(this.#images[0] as Image, key);
    const databaseTime = this.#server.now();
    const { committed } = this.#judge;
    const asked: Asked = { request: name, recordId, input, databaseTime, committed, executions: [] };
    this.#judge.asks(asked);
    const tell = (what: string) => this.#world.tell(name, () => what);
    tell(`asks ${process.name} for ${key} with ${input}`);
    const isRetry = request.isRetry || attempt > 0;
    const call = { operation: OPERATION, scope: "s", key, input };
    // After that, its handlers are quick and succeed, so that every client can be answered at last.
    const behaviourOf = () => request.behaviours[this.#began(name)] ?? PLAIN;
    const about = { recordId, input, asked };
    try {
      const settled = await (this.#plan.settings.mode === "transaction"
        ? idempotency.runSettled({ ...call, isRetry }, (context) =>
            this.#handle(process, context, about, behaviourOf()),
          )
        : idempotency.runLeasedSettled(call, (context) =>
            this.#leased(process, context, about, behaviourOf()),
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
    const { isIdempotencyError } = (this.#images[0] as Image).program;
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const code = isIdempotencyError(error) ? error.code : "";
    this.#world.tell(asked.request, () => `fails at ${process.name}: ${code || text}${causesOf(error)}`);
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

  async #handle(
    process: SimulatedProcess,
    { tx, afterCommit }: RunContext<SimulatedPrisma>,
    about: { readonly recordId: string; readonly input: string; readonly asked: Asked },
    behaviour: Behaviour,
  ): Promise<string> {
    const { number } = this.#judge.execution({ ...about, mode: "transaction" });
    this.#world.tell(process.name, () => `executes ${number} for ${about.asked.request}`);
    afterCommit(() => this.#judge.calledBack(number));
    return this.#work(
      process,
      tx,
      { execution: number, recordId: about.recordId, step: null },
      about.input,
      behaviour,
    );
  }

  async #leased(
    process: SimulatedProcess,
    { step, transaction, attempt }: LeaseContext<SimulatedPrisma>,
    about: { readonly recordId: string; readonly input: string; readonly asked: Asked | undefined },
    behaviour: Behaviour,
  ): Promise<string> {
    const { recordId } = about;
    const { number } = this.#judge.execution({ ...about, mode: "lease" });
    this.#world.tell(
      process.name,
      () => `executes ${number}, attempt ${attempt}, for ${about.asked?.request ?? "nobody"}`,
    );
    const called = await step("call", async () => {
      const { number: inStep } = this.#judge.execution({ ...about, mode: "lease" });
      if (behaviour.sleepBeforeMs > 0) await process.sleep(behaviour.sleepBeforeMs);
      return `execution#${inStep}`;
    });
    const ordered = await transaction("order", async ({ tx }) => {
      const { number: inStep } = this.#judge.execution({ ...about, mode: "lease" });
      return this.#work(process, tx, { execution: inStep, recordId, step: "order" }, about.input, behaviour);
    });
    if (behaviour.sleepAfterMs > 0) await process.sleep(behaviour.sleepAfterMs);
    return `execution#${number} input#${about.input} after call#${executionIn(called)} and order#${executionIn(ordered)}`;
  }

  async #work(
    process: SimulatedProcess,
    tx: SimulatedPrisma,
    effect: { readonly execution: number; readonly recordId: string; readonly step: string | null },
    input: string,
    behaviour: Behaviour,
  ): Promise<string> {
    const answer = `execution#${effect.execution} input#${input}`;
    if (behaviour.sleepBeforeMs > 0) await process.sleep(behaviour.sleepBeforeMs);
    await tx.$executeRawUnsafe("effect $1", JSON.stringify(effect));
    for (const account of behaviour.accounts) {
      await tx.$executeRawUnsafe("add $1", JSON.stringify({ account }));
    }
    if (behaviour.tampers) await tx.$executeRawUnsafe("tamper $1", JSON.stringify({ id: effect.recordId }));
    if (behaviour.swallows) await Promise.allSettled([tx.$executeRawUnsafe("fail $1", "{}")]);
    if (behaviour.sleepAfterMs > 0) await process.sleep(behaviour.sleepAfterMs);
    if (behaviour.end === "throws an answer") throw new AnswerError(answer);
    if (behaviour.end === "throws") throw new Error(`broken: ${answer}`);
    return answer;
  }
}

class AnswerError extends Error {
  override readonly name = "AnswerError";
}

const PLAIN: Behaviour = {
  sleepBeforeMs: 0,
  sleepAfterMs: 0,
  accounts: [],
  end: "returns",
  swallows: false,
  tampers: false,
};

const ids = new Map<string, string>();

function idOf({ program }: Image, key: string): string {
  let id = ids.get(key);
  if (id === undefined) {
    id = program.idOf({ operation: OPERATION, scope: "s", key });
    ids.set(key, id);
  }
  return id;
}

function causesOf(error: unknown): string {
  const { cause } = (error ?? {}) as { readonly cause?: unknown };
  return cause instanceof Error ? ` (${cause.message})${causesOf(cause)}` : "";
}
