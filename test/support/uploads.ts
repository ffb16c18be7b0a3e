/** Clients that send a body over a plain socket, to see what a server does with more than it takes. */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const CHUNK = Buffer.alloc(64 * 1_024, "x");

export interface Upload {
  url: string;
  path: string;
  headers?: Record<string, string>;
  bytes: number;
  /** Says how long the body is, or sends it in chunks. */
  announced: boolean;
}

/** Sends the whole body before it reads the answer, as many clients do. Returns the status of the answer. */
export async function uploadThenRead(upload: Upload): Promise<number> {
  const { socket, write } = await begin(upload);
  socket.pause();
  for (let sent = 0; sent < upload.bytes; sent += CHUNK.length) await write(CHUNK);
  await write(undefined);
  socket.resume();
  const [answer] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return statusIn(answer);
}

/** Sends what is too much, and goes on sending slowly until it is answered. Returns the status of the answer. */
export async function uploadSlowly(upload: Upload): Promise<number> {
  const { socket, write } = await begin(upload);
  const answered = once(socket, "data") as Promise<[Buffer]>;
  // Awaited below, whatever becomes of the writes before.
  answered.catch(() => {});
  for (let sent = 0; socket.bytesRead === 0; sent += CHUNK.length) {
    await write(CHUNK);
    if (sent > upload.bytes) await sleep(20);
  }
  const [answer] = await answered;
  socket.destroy();
  return statusIn(answer);
}

async function begin({ url, path, headers, announced, bytes }: Upload) {
  const { hostname, port, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  // Whoever waits is told by what it waits for.
  socket.on("error", () => {});
  await once(socket, "connect");
  const length = announced
    ? `content-length: ${Math.ceil(bytes / CHUNK.length) * CHUNK.length}`
    : "transfer-encoding: chunked";
  const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`POST ${path} HTTP/1.1\r\n${lines.join("")}${length}\r\n\r\n`);
  const send = (data: Buffer | string) =>
    new Promise<void>((resolve, reject) => {
      socket.write(data, (error) => (error ? reject(error) : resolve()));
    });
  return {
    socket,
    /** Resolves once the system has taken it. */
    async write(chunk: Buffer | undefined) {
      if (announced) await send(chunk ?? "");
      else if (chunk === undefined) await send("0\r\n\r\n");
      else
        await send(
          Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from("\r\n")]),
        );
    },
  };
}

function statusIn(answer: Buffer): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer.toString("latin1"))?.[1]);
}
