/** What is between a process and the server: a pool of connections, as that of `pg`, and messages that take their time or get lost. */

import type { SimulatedProcess } from "../world/process.ts";
import type { Choices } from "../world/random.ts";
import type { World } from "../world/world.ts";
import type { Message, Server, Session } from "./server.ts";

/** What the driver answers to one statement. */
export interface Result {
  readonly rowCount: number | null;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

export interface Query {
  readonly text: string;
  readonly values?: readonly unknown[];
  /** Given where rows are to have texts for values. */
  readonly types?: object;
}

/** How a connection comes to its end. */
export interface Cut {
  /** After how long the process notices, in milliseconds. */
  readonly clientAfterMs: number;
  /** After how long the server does. Until then it keeps what is locked. */
  readonly serverAfterMs: number;
  /** How many of the messages that are on their way still arrive, and how much later, in milliseconds. */
  readonly arriving: number;
  readonly lateMs: number;
  /** What the process is told: some drivers have words that nobody knows. */
  readonly words: "known" | "unknown";
}

export class Network {
  readonly world: World;
  readonly server: Server;
  readonly choices: Choices;
  /** How many times slower than usual. */
  slowness = 1;
  /** The code with which the next message fails. */
  failNext: string | undefined;
  /** What becomes of the connections of a process that is killed. */
  cutOfDeath: Cut = { clientAfterMs: 0, serverAfterMs: 1, arriving: 1_000, lateMs: 0, words: "known" };
  /** Called for each message, and may cut its connection before or after it is sent, or kill its process. */
  beforeSend: (connection: Connection, text: string) => void = () => {};
  afterSend: (connection: Connection, text: string) => void = () => {};

  constructor(world: World, server: Server, choices: Choices) {
    this.world = world;
    this.server = server;
    this.choices = choices;
  }

  /** How long one message takes, in milliseconds. Now and then one takes much longer. */
  latency(): number {
    const usual = this.choices.between(0.1, 3);
    return this.slowness * (this.choices.happens(0.02) ? usual * 100 : usual);
  }
}

/** A message, and who waits for its answer. */
interface Sent {
  readonly text: string;
  resolve(results: Result | Result[]): void;
  reject(error: Error): void;
}

export class Connection {
  readonly name: string;
  readonly process: SimulatedProcess;
  readonly #network: Network;
  readonly #session: Session;
  readonly #released: (isUsable: boolean) => void;
  readonly #unanswered: Sent[] = [];
  /** Messages on their way to the server. */
  readonly #onTheirWay: { act: (() => void) | undefined; deliver: () => void }[] = [];
  #lastArrival = 0;
  #lastAnswer = 0;
  isCut = false;
  #broken: Error | undefined;
  #isReleased = true;

  constructor(
    name: string,
    process: SimulatedProcess,
    network: Network,
    session: Session,
    released: (isUsable: boolean) => void,
  ) {
    this.name = name;
    this.process = process;
    this.#network = network;
    this.#session = session;
    this.#released = released;
    process.onDeath(() => this.cut(network.cutOfDeath));
  }

  get isUsable(): boolean {
    return this.#broken === undefined;
  }

  taken(): void {
    this.#isReleased = false;
  }

  query(query: string | Query): Promise<Result | Result[]> {
    const { text, values = [], types } = typeof query === "string" ? { text: query } : query;
    this.#network.beforeSend(this, text);
    if (this.#broken !== undefined) {
      return Promise.reject(new Error("Client has encountered a connection error and is not queryable"));
    }
    this.#network.world.tell(this.process.name, () => `sends ${this.name}: ${inShort(text)}`);
    return new Promise((resolve, reject) => {
      const sent: Sent = { text, resolve, reject };
      this.#unanswered.push(sent);
      if (!this.isCut) this.#send(sent, values, types !== undefined);
      this.#network.afterSend(this, text);
    });
  }

  #send(sent: Sent, values: readonly unknown[], asText: boolean): void {
    const { world } = this.#network;
    // No ROLLBACK fails while there is a connection.
    const failNext = sent.text.startsWith("ROLLBACK") ? undefined : this.#network.failNext;
    this.#network.failNext = undefined;
    const deliver = () => {
      this.#onTheirWay.splice(this.#onTheirWay.indexOf(waiting), 1);
      const { text } = sent;
      const reply: Message["reply"] = (error, results) => this.#answer(sent, error, results);
      this.#session.receive({ text, values, asText, fails: failNext, reply });
    };
    this.#lastArrival = Math.max(this.#lastArrival, world.now + this.#network.latency());
    const waiting: { act: (() => void) | undefined; deliver: () => void } = { act: undefined, deliver };
    const happening = world.at(this.#lastArrival, deliver);
    waiting.act = () => {
      happening.act = undefined;
    };
    this.#onTheirWay.push(waiting);
  }

  /** The server has answered. */
  #answer(sent: Sent, error: Error | undefined, results: Result | Result[]): void {
    if (this.isCut) return;
    const { world } = this.#network;
    this.#lastAnswer = Math.max(this.#lastAnswer, world.now + this.#network.latency());
    world.at(
      this.#lastAnswer,
      () => {
        if (this.isCut || this.#broken !== undefined) return;
        this.#unanswered.splice(this.#unanswered.indexOf(sent), 1);
        if (error === undefined) sent.resolve(results);
        else sent.reject(error);
      },
      this.process,
    );
  }

  /** From now on nothing comes back, and what is not on its way yet never arrives. */
  cut({ clientAfterMs, serverAfterMs, arriving, lateMs, words }: Cut): void {
    if (this.isCut) return;
    this.isCut = true;
    const { world } = this.#network;
    const underway = [...this.#onTheirWay];
    for (const [index, message] of underway.entries()) {
      message.act?.();
      if (index < arriving) world.after(lateMs, message.deliver);
    }
    // The end is seen after what has arrived before it.
    world.after(Math.max(serverAfterMs, lateMs), () => this.#session.end());
    if (Number.isFinite(clientAfterMs) && !this.process.isDead) {
      world.after(clientAfterMs, () => this.#break(words), this.process);
    }
  }

  #break(words: Cut["words"]): void {
    this.#broken =
      words === "known"
        ? new Error("Connection terminated unexpectedly")
        : new Error("the driver has lost its place in the stream");
    for (const { reject } of this.#unanswered.splice(0)) reject(this.#broken);
  }

  on(): void {}
  removeListener(): void {}

  release(error?: unknown): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    const isUsable = error === undefined && this.isUsable;
    if (!isUsable && !this.isCut) {
      this.cut({
        clientAfterMs: 0,
        serverAfterMs: 1,
        arriving: Number.POSITIVE_INFINITY,
        lateMs: 0,
        words: "known",
      });
    }
    this.#released(isUsable);
  }

  escapeLiteral(text: string): string {
    return `'${text.replaceAll("'", "''")}'`;
  }
}

/** Each statement of a message without its values. */
const inShort = (text: string) => text.replaceAll(/ (?:\$1|'.*?')(?=;|$)/gs, "").replaceAll(";\n", "; ");

/** Who waits for a connection. */
interface Waiting {
  resolve(connection: Connection): void;
  reject(error: Error): void;
}

/** Hands out connections, each to one at a time, in the order of asking. */
export class Pool {
  readonly #process: SimulatedProcess;
  readonly #network: Network;
  readonly #max: number;
  readonly #idle: Connection[] = [];
  readonly #waiting: Waiting[] = [];
  /** Connections that are handed out, or being made. */
  busy = 0;
  #made = 0;

  constructor(process: SimulatedProcess, network: Network, max: number) {
    this.#process = process;
    this.#network = network;
    this.#max = max;
  }

  connect(): Promise<Connection> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#serve();
    });
  }

  #serve(): void {
    while (this.#waiting.length > 0 && this.busy < this.#max) {
      const { resolve, reject } = this.#waiting.shift() as Waiting;
      this.busy += 1;
      const idle = this.#idle.pop();
      if (idle === undefined) this.#make(resolve, reject);
      else if (idle.isUsable) this.#hand(idle, resolve);
      else {
        // The pool hears of it when the connection ends.
        this.busy -= 1;
        this.#waiting.unshift({ resolve, reject });
      }
    }
  }

  #hand(connection: Connection, resolve: (connection: Connection) => void): void {
    connection.taken();
    resolve(connection);
  }

  #make(resolve: (connection: Connection) => void, reject: (error: Error) => void): void {
    const { world, server } = this.#network;
    const answered = (act: () => void) =>
      world.after(this.#network.latency(), () => world.after(this.#network.latency(), act, this.#process));
    if (!server.isUp) {
      answered(() => {
        this.busy -= 1;
        reject(Object.assign(new Error("connect ECONNREFUSED 10.0.0.1:5432"), { code: "ECONNREFUSED" }));
        this.#serve();
      });
      return;
    }
    answered(() => {
      const name = `${this.#process.name}/${(this.#made += 1)}`;
      const session = server.session(name, this.#process);
      const connection: Connection = new Connection(
        name,
        this.#process,
        this.#network,
        session,
        (isUsable) => {
          this.busy -= 1;
          if (isUsable) this.#idle.push(connection);
          this.#serve();
        },
      );
      session.onLost = (cut) => connection.cut(cut);
      this.#hand(connection, resolve);
    });
  }
}
