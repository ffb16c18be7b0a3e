/**
 * Passes bytes on to a server and back, each a fixed time after it came: what a network between the two would do.
 *
 * Timers of Node.js are no finer than a millisecond. So one thread reads, and stamps at once what comes; another sleeps until
 * the next is due, and writes it. Either sleeps while there is nothing to do.
 */
import { writeSync } from "node:fs";
import { type AddressInfo, createServer, connect as dial, type Socket } from "node:net";
import {
  isMainThread,
  type MessagePort,
  parentPort as mainThread,
  Worker,
  workerData,
} from "node:worker_threads";
import { parentPort } from "../../test/support/worker.ts";

export interface DelayProxyData {
  host: string;
  port: number;
  delayMs: number;
}

export type DelayProxyUp = { type: "listening"; port: number };

/** What is on its way at the same time, at most. */
const SLOTS = 512;
/** What Node.js reads at once, at most. */
const SLOT_BYTES = 65_536;

/** What is on its way, first come, first gone. Shared by both threads. */
interface Road {
  /** How many have come, and how many have gone. */
  readonly come: Int32Array;
  readonly gone: Int32Array;
  readonly due: Float64Array;
  readonly descriptor: Int32Array;
  readonly connection: Int32Array;
  /** -1 for the end of the stream. */
  readonly length: Int32Array;
  readonly bytes: Uint8Array;
  /** By descriptor, the connection that has it now: one that failed leaves it to another. */
  readonly owner: Int32Array;
}

const int32 = (length: number) => new Int32Array(new SharedArrayBuffer(4 * length));

function newRoad(): Road {
  return {
    come: int32(1),
    gone: int32(1),
    due: new Float64Array(new SharedArrayBuffer(8 * SLOTS)),
    descriptor: int32(SLOTS),
    connection: int32(SLOTS),
    length: int32(SLOTS),
    bytes: new Uint8Array(new SharedArrayBuffer(SLOTS * SLOT_BYTES)),
    owner: int32(65_536),
  };
}

/** In milliseconds, the same in both threads. */
const now = () => Number(process.hrtime.bigint()) / 1e6;
const nobody = int32(1);
const sleep = (ms: number) => void Atomics.wait(nobody, 0, 0, ms);

/** How much longer than asked for a sleep takes here at the least. */
function oversleeping(): number {
  const late = Array.from({ length: 20 }, () => {
    const begin = now();
    sleep(0.2);
    return now() - begin - 0.2;
  });
  return Math.max(0, Math.min(...late));
}

function carry(road: Road, toMain: MessagePort): never {
  const early = oversleeping();
  for (let next = 0; ; next += 1) {
    // A notice may come late, after what it was about was taken: it wakes a sleep that has nothing to take.
    while (Atomics.load(road.come, 0) === next) Atomics.wait(road.come, 0, next);
    const slot = next % SLOTS;
    const due = road.due[slot] ?? 0;
    const left = due - now() - early;
    if (left > 0) sleep(left);
    while (now() < due);
    const connection = road.connection[slot] ?? 0;
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- not a window
    if ((road.length[slot] ?? 0) < 0) toMain.postMessage(connection);
    else if (road.owner[road.descriptor[slot] ?? 0] === connection) write(road, slot);
    Atomics.store(road.gone, 0, next + 1);
  }
}

function write({ descriptor, length, bytes }: Road, slot: number): void {
  const end = slot * SLOT_BYTES + (length[slot] ?? 0);
  for (let at = slot * SLOT_BYTES; at < end; ) {
    try {
      at += writeSync(descriptor[slot] ?? -1, bytes, at, end - at);
    } catch (error) {
      // Any other is a connection that has ended, which the thread that reads hears of.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
      sleep(0.1);
    }
  }
}

/** Node.js tells nobody officially, but a thread can write to nothing else. */
function descriptorOf(socket: Socket): number {
  const members = socket as unknown as Readonly<Record<string, { readonly fd?: number } | null>>;
  const fd = members["_handle"]?.fd;
  if (fd === undefined || fd < 0) throw new Error("a delayed connection needs sockets that are files");
  return fd;
}

async function serve(): Promise<void> {
  const parent = await parentPort<DelayProxyData, DelayProxyUp>();
  const { host, port, delayMs } = parent.data;
  const road = newRoad();
  const open = new Map<number, Socket>();
  let come = 0;
  let connections = 0;
  new Worker(new URL(import.meta.url), { workerData: road }).on("message", (connection: number) => {
    open.get(connection)?.end();
  });

  /** Numbers a connection while it has its descriptor; half of it stays open until all is written. */
  const enter = (socket: Socket) => {
    connections += 1;
    const connection = connections;
    const descriptor = descriptorOf(socket);
    road.owner[descriptor] = connection;
    open.set(connection, socket);
    const leave = () => {
      open.delete(connection);
      if (road.owner[descriptor] === connection) road.owner[descriptor] = 0;
    };
    socket.on("error", leave).on("close", leave);
    return { connection, descriptor };
  };
  const pass = (from: Socket, { connection, descriptor }: ReturnType<typeof enter>) => {
    const accept = (chunk?: Buffer) => {
      const due = now() + delayMs;
      if (come - Atomics.load(road.gone, 0) === SLOTS) throw new Error("too much is on its way");
      const slot = come % SLOTS;
      if (chunk !== undefined) road.bytes.set(chunk, slot * SLOT_BYTES);
      road.due[slot] = due;
      road.descriptor[slot] = descriptor;
      road.connection[slot] = connection;
      road.length[slot] = chunk?.length ?? -1;
      come += 1;
      Atomics.store(road.come, 0, come);
      Atomics.notify(road.come, 0);
    };
    from.setNoDelay(true);
    from.on("data", accept);
    from.on("end", accept);
    from.on("error", () => open.get(connection)?.destroy());
  };

  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    const upstream = dial({ host, port, allowHalfOpen: true });
    upstream.once("error", () => client.destroy());
    upstream.once("connect", () => {
      if (client.destroyed) {
        upstream.destroy();
        return;
      }
      const [near, far] = [enter(client), enter(upstream)];
      pass(client, far);
      pass(upstream, near);
      client.resume();
    });
    client.on("error", () => upstream.destroy());
  });
  server.listen(0, "127.0.0.1", () => {
    parent.send({ type: "listening", port: (server.address() as AddressInfo).port });
  });
}

if (isMainThread) await serve();
else if (mainThread !== null) carry(workerData as Road, mainThread);
