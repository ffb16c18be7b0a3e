/** Passes bytes on to a server and back, each a fixed time after it came: what a network between the two would do. */
import { type AddressInfo, createServer, connect as dial, type Socket } from "node:net";

const [host = "", port = "", delay = ""] = process.argv.slice(2);
const delayMs = Number(delay);

interface Parcel {
  readonly due: number;
  readonly deliver: () => void;
}

/** All wait equally long, so the first to come is the first to go. */
const parcels: Parcel[] = [];
let isPumping = false;
const clock = new Int32Array(new SharedArrayBuffer(4));

function pump(): void {
  isPumping = true;
  while (parcels[0] !== undefined && parcels[0].due <= performance.now()) parcels.shift()?.deliver();
  const [next] = parcels;
  if (next === undefined) {
    isPumping = false;
    return;
  }
  // Timers of Node.js are no finer than a millisecond. Short, as what arrives meanwhile is seen only afterwards.
  Atomics.wait(clock, 0, 0, Math.min(0.05, Math.max(0, next.due - performance.now())));
  setImmediate(pump);
}

function later(deliver: () => void): void {
  parcels.push({ due: performance.now() + delayMs, deliver });
  if (!isPumping) pump();
}

function pass(from: Socket, to: Socket): void {
  from.setNoDelay(true);
  from.on("data", (chunk) => later(() => to.write(chunk)));
  from.on("end", () => later(() => to.end()));
  from.on("error", () => to.destroy());
}

const server = createServer((client) => {
  const upstream = dial(Number(port), host);
  pass(client, upstream);
  pass(upstream, client);
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.on("disconnect", () => process.exit());
