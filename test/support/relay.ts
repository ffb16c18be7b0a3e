/** Stands between a client and a server, and does to their connections what networks do. */
import { once } from "node:events";
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Gate, gate } from "./gate.ts";

interface Session {
  readonly client: Socket;
  readonly server: Socket;
  /** Whether the server's half lives on without the client's. */
  isLosing: boolean;
}

export class Relay implements AsyncDisposable {
  readonly #target: () => number;
  readonly #listener: Server;
  readonly #sessions = new Set<Session>();
  #silence: Gate | undefined;
  #delayMs = 0;

  private constructor(target: () => number) {
    this.#target = target;
    this.#listener = createServer((client) => this.#accept(client));
  }

  /** `target` is asked for the port at each new connection. */
  static async open(target: () => number): Promise<Relay> {
    const relay = new Relay(target);
    relay.#listener.listen(0, "127.0.0.1");
    await once(relay.#listener, "listening");
    return relay;
  }

  /** `url`, by way of the relay. */
  urlOf(url: string): string {
    const through = new URL(url);
    through.hostname = "127.0.0.1";
    through.port = String(this.port);
    return through.href;
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  /** Breaks each connection that `isMeant`, on both sides. */
  cut(isMeant: () => boolean = () => true): void {
    for (const { client, server } of this.#sessions) {
      if (isMeant()) {
        client.destroy();
        server.destroy();
      }
    }
  }

  /**
   * Breaks each connection that `isMeant` for the client alone: what he has sent arrives, and what he is answered does not. Returns what
   * tells the server.
   */
  cutClients(isMeant: () => boolean = () => true): () => void {
    const meant = [...this.#sessions].filter(isMeant);
    for (const session of meant) {
      session.isLosing = true;
      session.client.destroy();
    }
    return () => {
      for (const { server } of meant) server.destroy();
    };
  }

  /** Nothing passes for so long, and nobody is told. */
  async silence(ms: number): Promise<void> {
    if (this.#silence !== undefined) return;
    const silence = gate();
    this.#silence = silence;
    await sleep(ms);
    this.#silence = undefined;
    silence.open();
  }

  /** Whatever passes takes so much longer. */
  async slow(delayMs: number, ms: number): Promise<void> {
    this.#delayMs = delayMs;
    await sleep(ms);
    this.#delayMs = 0;
  }

  #accept(client: Socket): void {
    const port = this.#target();
    if (port === 0) {
      client.destroy();
      return;
    }
    const server = dial(port, "127.0.0.1");
    const session = { client, server, isLosing: false };
    this.#sessions.add(session);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on("error", () => {});
    }
    server.on("close", () => {
      this.#sessions.delete(session);
      client.destroy();
    });
    client.on("end", () => server.end());
    client.on("close", () => {
      if (!session.isLosing) server.destroy();
    });
    void this.#pass(client, server);
    void this.#pass(server, client);
  }

  async #pass(from: Socket, to: Socket): Promise<void> {
    try {
      for await (const chunk of from) {
        await this.#silence?.opened;
        if (this.#delayMs > 0) await sleep(this.#delayMs);
        if (to.writable && !to.write(chunk as Buffer))
          await Promise.race([once(to, "drain"), once(to, "close")]);
      }
    } catch {
      // Broken by us, or by the peer.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#listener, "close");
    this.#listener.close();
    this.cut();
    await closed;
  }
}
