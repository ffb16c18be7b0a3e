import { randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type ConsoleIdempotency, createConsole } from "../../console/index.ts";
import { checkNumber } from "../../core/browser/option-checks.ts";

/** Options of {@link serveConsole}. */
export interface ServeConsoleOptions {
  readonly idempotency: ConsoleIdempotency;
  /** Port on 127.0.0.1, from 0 to 65,535. Default 0: one that is free. */
  readonly port?: number;
}

/** A console on this machine. */
export interface ServedConsole {
  /** The address to open, with the token that lets a browser in. */
  readonly url: string;
  close(): Promise<void>;
}

const HOST = "127.0.0.1";
/** The only form has two short fields. */
const BODY_BYTES_MAX = 16_384;

/**
 * Serves the console to the browsers of this machine that open its address, which has a token of 256 random bits. They may forget
 * records.
 *
 * @throws TypeError for a port that cannot be one.
 * @throws what listening fails with, such as `EADDRINUSE`.
 */
export async function serveConsole({ idempotency, port = 0 }: ServeConsoleOptions): Promise<ServedConsole> {
  checkNumber("port", port, 0, 65_535);
  const token = randomBytes(32).toString("base64url");
  // Whoever gets as far as this has the token.
  const handler = createConsole({ idempotency, basePath: "/", authorize: () => ({ mayForget: true }) });
  const server = createServer();
  server.listen(port, HOST);
  await once(server, "listening");
  const bound = portOf(server);
  const door = new Door(token, bound);
  server.on("request", (request, response) => void answer(request, response, door, handler));
  return {
    url: `http://${HOST}:${bound}/?token=${token}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      // Browsers keep theirs open.
      server.closeAllConnections();
      await closed;
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Who is let in. */
class Door {
  readonly #token: Buffer;
  readonly #hosts: readonly string[];
  /** Cookies are shared by all ports of a host. */
  readonly #cookie: string;

  constructor(token: string, port: number) {
    this.#token = Buffer.from(token);
    this.#hosts = [`${HOST}:${port}`, `localhost:${port}`];
    this.#cookie = `onceonly-console-${port}`;
  }

  /** A page of another host, whose name its owner has pointed here, is sent away: its requests carry that name. */
  knowsHost({ headers }: IncomingMessage): boolean {
    return this.#hosts.includes(headers.host ?? "");
  }

  hasToken(given: string | null | undefined): boolean {
    const token = Buffer.from(given ?? "");
    return token.length === this.#token.length && timingSafeEqual(token, this.#token);
  }

  hasCookie({ headers }: IncomingMessage): boolean {
    const pairs = (headers.cookie ?? "").split(/; */);
    return pairs.some((pair) => {
      const [name, value] = pair.split("=");
      return name === this.#cookie && this.hasToken(value);
    });
  }

  get setCookie(): string {
    return `${this.#cookie}=${this.#token.toString()}; HttpOnly; SameSite=Strict; Path=/`;
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  door: Door,
  handler: (request: Request) => Promise<Response>,
): Promise<void> {
  try {
    await send(response, await answerTo(request, door, handler));
  } catch (error) {
    // The browser has gone, or sends what is no HTTP: there is nobody to tell.
    response.destroy(error instanceof Error ? error : undefined);
  }
}

async function answerTo(
  request: IncomingMessage,
  door: Door,
  handler: (request: Request) => Promise<Response>,
): Promise<Response> {
  const path = request.url ?? "/";
  if (!door.knowsHost(request) || !path.startsWith("/")) {
    return plain(403, "Forbidden: this console is for the address that the command has printed.");
  }
  const url = new URL(`http://${request.headers.host}${path}`);
  const isGet = request.method === "GET" || request.method === "HEAD";
  if (isGet && door.hasToken(url.searchParams.get("token"))) {
    url.searchParams.delete("token");
    // The token does not stay in the address bar.
    return plain(303, "", { location: url.pathname + url.search, "set-cookie": door.setCookie });
  }
  if (!door.hasCookie(request)) {
    return plain(403, "Forbidden: open the address that the command has printed, with its token.");
  }
  const body = isGet ? undefined : await bodyOf(request);
  if (body === null) {
    return plain(413, "The request is too long.");
  }
  return handler(
    new Request(url, {
      method: request.method ?? "GET",
      headers: headersOf(request),
      ...(body === undefined ? {} : { body }),
    }),
  );
}

function headersOf({ headers }: IncomingMessage): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((each): [string, string] => [name, each]),
  );
}

/** @returns `null` for one that is too long. */
async function bodyOf(request: IncomingMessage): Promise<Uint8Array<ArrayBuffer> | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > BODY_BYTES_MAX) {
      return null;
    }
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function plain(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(`${text}\n`, {
    status,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      ...headers,
    },
  });
}

async function send(response: ServerResponse, answered: Response): Promise<void> {
  const body = Buffer.from(await answered.arrayBuffer());
  response.writeHead(answered.status, Object.fromEntries(answered.headers));
  response.end(body);
}
