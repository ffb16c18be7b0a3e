import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, connect as dial, type Socket } from "node:net";
import { expect, it } from "vitest";
import { openDelayed } from "../../bench/delay.ts";
import { gate } from "../support/gate.ts";

/** A server behind a delay, and a way to connect to it. */
async function delayed(delayMs: number, serve: (socket: Socket) => void) {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    serve(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const proxy = await openDelayed(`postgresql://127.0.0.1:${port}/nothing`, delayMs);
  const sockets: Socket[] = [];
  return {
    async connect(): Promise<Socket> {
      const socket = dial({ port: Number(new URL(proxy.url).port), host: "127.0.0.1", allowHalfOpen: true });
      sockets.push(socket);
      await once(socket, "connect");
      return socket;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await proxy[Symbol.asyncDispose]();
      server.close();
    },
  };
}

const echo = (socket: Socket) => socket.pipe(socket);

async function read(socket: Socket, bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length >= bytes) break;
  }
  return Buffer.concat(chunks);
}

it("keeps what is sent back for its time, on either way", async () => {
  await using network = await delayed(2.5, echo);
  const socket = await network.connect();
  for (let ping = 0; ping < 20; ping += 1) {
    const begin = performance.now();
    socket.write("ping");
    await read(socket, 4);
    expect(performance.now() - begin).toBeGreaterThanOrEqual(5);
  }
});

it("brings all of it, in order, on each connection", async () => {
  await using network = await delayed(1, echo);
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      const socket = await network.connect();
      const sent = randomBytes(300_000);
      socket.write(sent);
      expect((await read(socket, sent.length)).equals(sent)).toBe(true);
    }),
  );
});

it("passes on the end of one direction after all that came before it, and leaves the other open", async () => {
  await using network = await delayed(5, (socket) => {
    let received = "";
    socket.on("data", (chunk) => (received += String(chunk)));
    socket.on("end", () => socket.end(`${received}, goodbye`));
  });
  const socket = await network.connect();
  socket.end("hello");
  expect(String(await read(socket, Number.POSITIVE_INFINITY))).toBe("hello, goodbye");
});

it("gives what a broken connection has left on the way to nobody else", async () => {
  const arrived = gate();
  await using network = await delayed(100, (socket) => {
    socket.on("data", (chunk) => {
      socket.write(`answer to ${String(chunk)}`);
      arrived.open();
    });
  });
  const broken = await network.connect();
  broken.write("broken");
  await arrived.opened;
  // Its answer is on the way. The next connections get its descriptor.
  broken.resetAndDestroy();
  await once(broken, "close");
  const others = await Promise.all(Array.from({ length: 4 }, () => network.connect()));
  const answers = others.map((socket) => {
    socket.write("other");
    return read(socket, "answer to other".length);
  });
  for (const answer of await Promise.all(answers)) expect(String(answer)).toBe("answer to other");
});
