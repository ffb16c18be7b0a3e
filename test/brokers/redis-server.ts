/** A Redis of the tests' own, which they may stop as they like. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../support/free-port.ts";

export interface Redis extends AsyncDisposable {
  url: string;
  /** Keeps its connections, and answers nothing. */
  pause(): void;
  resume(): void;
  kill(): Promise<void>;
  /** After `kill`, empty: nothing is on a disk. */
  start(): Promise<void>;
}

export async function startRedis(): Promise<Redis> {
  const port = await freePort();
  let server: ChildProcess | undefined;
  const kill = async () => {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    server.kill("SIGKILL");
    await once(server, "exit");
  };
  const start = async () => {
    // No folder: a server without one writes nothing.
    const settings = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    server = spawn("redis-server", settings, { stdio: "ignore" });
    await answering(port);
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    pause: () => void server?.kill("SIGSTOP"),
    resume: () => void server?.kill("SIGCONT"),
    kill,
    start,
    [Symbol.asyncDispose]: kill,
  };
}

async function answering(port: number): Promise<void> {
  for (let waited = 0; waited < 30_000; waited += 50) {
    const socket = connect(port, "127.0.0.1");
    socket.write("PING\r\n");
    const [answer] = (await Promise.race([
      once(socket, "data").catch(() => []),
      once(socket, "close").then(() => []),
    ])) as unknown[];
    socket.destroy();
    if (String(answer).startsWith("+PONG")) return;
    await sleep(50);
  }
  throw new Error(`redis-server does not answer on port ${port}`);
}
