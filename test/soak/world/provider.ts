/** The service outside: charges once for a key, fails now and then, and remembers what it was asked. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { Random } from "../../chaos/seeded.ts";

export class Provider implements AsyncDisposable {
  /** The key under which each intent was charged. */
  readonly charges = new Map<string, string>();
  /** Intents that were charged under a second key. */
  readonly chargedTwice: string[] = [];
  /** Intents of which it was told that they were committed. */
  readonly committed = new Set<string>();
  /** And those it was told so twice. */
  readonly committedTwice: string[] = [];
  readonly #server: Server;

  private constructor(random: Random) {
    this.#server = createServer((request, response) => {
      this.#answer(request, response, random.next()).catch(() => response.destroy());
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse, luck: number): Promise<void> {
    const intent = await text(request);
    if (request.url === "/committed") {
      if (this.committed.has(intent)) this.committedTwice.push(intent);
      this.committed.add(intent);
      response.end();
      return;
    }
    if (luck < 0.01) {
      response.statusCode = 503;
      response.end();
      return;
    }
    const key = String(request.headers["idempotency-key"]);
    const earlier = this.charges.get(intent);
    if (earlier !== undefined && earlier !== key) this.chargedTwice.push(intent);
    this.charges.set(intent, key);
    // It has charged, and nobody hears of it.
    if (luck < 0.03) response.destroy();
    else response.end(`charge ${key}`);
  }

  static async open(random: Random): Promise<Provider> {
    const provider = new Provider(random);
    provider.#server.listen(0, "127.0.0.1");
    await once(provider.#server, "listening");
    return provider;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}
