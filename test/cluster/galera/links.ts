/**
 * Stands between the nodes of a cluster, and cuts them off from each other. Each node listens at an address that no other is
 * told, and is reached at another, that of a proxy. By the address that a node calls from, the proxy knows it, and calls the
 * other node from the address at which the caller is reached: that is what Galera tells the others to find it by.
 */
import { createServer, connect as dial, type Server, type Socket } from "node:net";

/** The loopback address that node `n` listens at and calls from. */
export const ownAddress = (n: number): string => `127.0.46.${n + 1}`;
/** The one that the others reach it at. */
export const knownAddress = (n: number): string => `127.0.47.${n + 1}`;

export class Links {
  readonly #ports: readonly number[];
  readonly #servers: Server[] = [];
  readonly #links = new Set<{ ends: readonly [number, number]; sockets: readonly Socket[] }>();
  readonly #cut = new Set<number>();

  /** `ports` are those of the nodes. */
  constructor(ports: readonly number[]) {
    this.#ports = ports;
  }

  async listen(): Promise<void> {
    await Promise.all(
      this.#ports.map((port, node) => {
        const server = createServer((caller) => this.#connect(caller, node));
        this.#servers.push(server);
        return new Promise<void>((resolve, reject) => {
          server.once("error", reject);
          server.listen(port, knownAddress(node), resolve);
        });
      }),
    );
  }

  /** From now on nothing passes to or from the node, and nobody is told: what is sent is swallowed. */
  cut(node: number): void {
    this.#cut.add(node);
    for (const { ends, sockets } of this.#links) {
      if (ends.includes(node)) for (const socket of sockets) silence(socket);
    }
  }

  /** Lets the node call and be called again. The connections of before are broken: what they swallowed is lost. */
  heal(node: number): void {
    this.#cut.delete(node);
    for (const { ends, sockets } of this.#links) {
      if (ends.includes(node)) for (const socket of sockets) socket.destroy();
    }
  }

  #connect(caller: Socket, to: number): void {
    const from = this.#ports.findIndex((_, node) => ownAddress(node) === caller.remoteAddress);
    if (from === -1)
      throw new Error(`a node has called from ${caller.remoteAddress}, which is none of theirs`);
    const called = dial({
      port: this.#ports[to] ?? 0,
      host: ownAddress(to),
      localAddress: knownAddress(from),
    });
    const link = { ends: [from, to] as const, sockets: [caller, called] };
    this.#links.add(link);
    for (const [socket, other] of [
      [caller, called],
      [called, caller],
    ] as const) {
      socket.setNoDelay(true);
      socket.pipe(other);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        other.destroy();
        this.#links.delete(link);
      });
    }
    if (link.ends.some((node) => this.#cut.has(node))) link.sockets.forEach(silence);
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const { sockets } of this.#links) for (const socket of sockets) socket.destroy();
  }
}

function silence(socket: Socket): void {
  socket.unpipe();
  socket.resume();
}
