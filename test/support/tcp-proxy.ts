/** Stands between a client and PostgreSQL, counts what passes, and breaks the connection where a test says. */
import { once } from "node:events";
import { type AddressInfo, createServer, connect as dial, type Socket } from "node:net";
import { type Gate, gate } from "./gate.ts";

/**
 * Where to stop: "before" the statement reaches the server; "after" it was forwarded, its effect yet unknown;
 * "answered": the server has executed it and the proxy keeps its answer from the client.
 */
type When = "before" | "after" | "answered";

/** Alone, or last in a message of several statements. */
export const COMMIT = /(?:^|;)\s*commit\s*$/i;

interface Interception {
  /** The statement has come to the point asked for, and waits for one of the next two. */
  reached: Promise<void>;
  /** Breaks both halves of the connection; may be said beforehand. */
  cut(): void;
  /** Lets everything go on as if nothing had been. */
  release(): void;
}

export interface TcpProxy extends AsyncDisposable {
  /** The database's URL, by way of the proxy. */
  url: string;
  /** Texts of the statements executed so far, of all connections. */
  statements: string[];
  /** Answers awaited so far (ReadyForQuery), start-up not counted. */
  roundTrips: number;
  reset(): void;
  /** Stops the next statement that matches. Several wait for their turn in the order given. */
  intercept(pattern: RegExp, when: When): Interception;
  /** `intercept(COMMIT, when)` that cuts. */
  cutCommit(when: When): Interception;
  /** Breaks all connections there are. */
  cutAll(): void;
  /** While true, new connections are closed at once. */
  refusing: boolean;
  /** How many were. */
  refusals: number;
  /** While true, nothing passes and nobody is told: neither what is sent nor what is answered, on any connection. */
  silent: boolean;
}

interface Pending extends Interception {
  pattern: RegExp;
  when: When;
  reach(): void;
  decision: Promise<"cut" | "release">;
}

interface Frame {
  type: string;
  body: Buffer;
  bytes: Buffer;
}

/** Cuts a byte stream into protocol messages. A client's first one, alone, has no type. */
class Frames {
  #rest = Buffer.alloc(0);
  #untyped: boolean;

  constructor(startsUntyped: boolean) {
    this.#untyped = startsUntyped;
  }

  *push(chunk: Buffer): Generator<Frame> {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const start = this.#untyped ? 0 : 1;
      if (this.#rest.length < start + 4) return;
      const end = start + this.#rest.readUInt32BE(start);
      if (this.#rest.length < end) return;
      const type = this.#untyped ? "" : String.fromCharCode(this.#rest[0] ?? 0);
      const frame = { type, body: this.#rest.subarray(start + 4, end), bytes: this.#rest.subarray(0, end) };
      this.#rest = this.#rest.subarray(end);
      this.#untyped = false;
      yield frame;
    }
  }
}

function textAt(body: Buffer, position: number): { text: string; next: number } {
  const end = body.indexOf(0, position);
  return { text: body.toString("utf8", position, end), next: end + 1 };
}

class Session {
  readonly #proxy: Proxy;
  readonly #client: Socket;
  readonly #server: Socket;
  /** Texts of prepared statements by name. */
  readonly #prepared = new Map<string, string>();
  #pending: Pending | undefined;
  #started = false;
  /** The client's half is broken, the server's is ending in order. */
  #ending = false;

  constructor(proxy: Proxy, client: Socket, server: Socket) {
    this.#proxy = proxy;
    this.#client = client;
    this.#server = server;
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on("error", () => this.cut());
      socket.on("close", () => this.cut());
    }
  }

  run(): void {
    this.#forward().catch(() => this.cut());
    this.#backward().catch(() => this.cut());
  }

  cut(): void {
    this.#client.destroy();
    if (!this.#ending) this.#server.destroy();
  }

  #statementOf({ type, body }: Frame): string | undefined {
    if (type === "Q") return textAt(body, 0).text;
    if (type === "P") {
      const name = textAt(body, 0);
      this.#prepared.set(name.text, textAt(body, name.next).text);
    }
    // Recorded when bound, not when parsed, so that a statement prepared earlier is seen each time.
    if (type === "B") return this.#prepared.get(textAt(body, textAt(body, 0).next).text);
    return undefined;
  }

  async #forward(): Promise<void> {
    const frames = new Frames(true);
    for await (const chunk of this.#client) {
      await this.#proxy.silence?.opened;
      for (const frame of frames.push(chunk as Buffer)) {
        const statement = this.#statementOf(frame);
        if (statement !== undefined && (await this.#stopped(statement))) return this.cut();
        this.#server.write(frame.bytes);
        // Only now has the server all it needs to execute.
        if (frame.type === "Q" || frame.type === "S") await this.#forwarded();
      }
    }
    this.#server.end();
  }

  /** True when the statement shall never reach the server. */
  async #stopped(statement: string): Promise<boolean> {
    this.#proxy.statements.push(statement);
    const pending = this.#proxy.take(statement);
    if (pending?.when !== "before") {
      this.#pending = pending ?? this.#pending;
      return false;
    }
    pending.reach();
    return (await pending.decision) === "cut";
  }

  async #forwarded(): Promise<void> {
    const pending = this.#pending;
    if (pending?.when !== "after") return;
    pending.reach();
    if ((await pending.decision) === "release") return;
    // Destroying the server's half could reset the connection before the server has read the statement.
    this.#ending = true;
    this.#server.end();
    this.#client.destroy();
  }

  async #backward(): Promise<void> {
    const frames = new Frames(false);
    let kept: Buffer[] = [];
    for await (const chunk of this.#server) {
      await this.#proxy.silence?.opened;
      for (const frame of frames.push(chunk as Buffer)) {
        kept.push(frame.bytes);
        if (frame.type !== "Z") continue;
        if (this.#pending !== undefined && (await this.#lost(this.#pending))) return this.cut();
        this.#countAnswer();
      }
      // All of an answer is kept back until it is complete and may pass.
      if (this.#pending !== undefined) continue;
      this.#client.write(Buffer.concat(kept));
      kept = [];
    }
    this.#client.end();
  }

  /** True when the answer shall never arrive. */
  async #lost(pending: Pending): Promise<boolean> {
    this.#pending = undefined;
    if (pending.when === "answered") pending.reach();
    return (await pending.decision) === "cut";
  }

  #countAnswer(): void {
    if (this.#started) this.#proxy.roundTrips += 1;
    this.#started = true;
  }
}

class Proxy implements TcpProxy {
  url = "";
  statements: string[] = [];
  roundTrips = 0;
  refusing = false;
  refusals = 0;
  silence: Gate | undefined;
  readonly #pending: Pending[] = [];
  readonly #sessions = new Set<Session>();
  readonly #target: URL;
  readonly #listener = createServer((client) => this.#accept(client));

  constructor(target: string) {
    this.#target = new URL(target);
  }

  get silent(): boolean {
    return this.silence !== undefined;
  }

  set silent(silent: boolean) {
    this.silence?.open();
    this.silence = silent ? gate() : undefined;
  }

  async listen(): Promise<this> {
    this.#listener.listen(0, "127.0.0.1");
    await once(this.#listener, "listening");
    const url = new URL(this.#target);
    url.hostname = "127.0.0.1";
    url.port = String((this.#listener.address() as AddressInfo).port);
    url.searchParams.set("sslmode", "disable");
    this.url = url.href;
    return this;
  }

  #accept(client: Socket): void {
    if (this.refusing) {
      this.refusals += 1;
      client.destroy();
      return;
    }
    const server = dial(Number(this.#target.port || 5432), this.#target.hostname);
    const session = new Session(this, client, server);
    this.#sessions.add(session);
    client.on("close", () => this.#sessions.delete(session));
    session.run();
  }

  take(statement: string): Pending | undefined {
    const index = this.#pending.findIndex(({ pattern }) => pattern.test(statement));
    return index === -1 ? undefined : this.#pending.splice(index, 1)[0];
  }

  reset(): void {
    this.statements.length = 0;
    this.roundTrips = 0;
  }

  intercept(pattern: RegExp, when: When): Interception {
    const reached = gate();
    const decision = gate<"cut" | "release">();
    const pending = {
      pattern,
      when,
      reached: reached.opened,
      reach: reached.open,
      decision: decision.opened,
      cut: () => decision.open("cut"),
      release: () => decision.open("release"),
    };
    this.#pending.push(pending);
    return pending;
  }

  cutCommit(when: When): Interception {
    const interception = this.intercept(COMMIT, when);
    interception.cut();
    return interception;
  }

  cutAll(): void {
    for (const session of this.#sessions) session.cut();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#listener, "close");
    this.#listener.close();
    this.cutAll();
    await closed;
  }
}

export function openProxy(databaseUrl: string): Promise<TcpProxy> {
  return new Proxy(databaseUrl).listen();
}
