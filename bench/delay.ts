import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface Delayed extends AsyncDisposable {
  readonly url: string;
}

/** The database at `url` behind a network that takes `delayMs` each way, made by a process of its own. */
export async function openDelayed(url: string, delayMs: number): Promise<Delayed> {
  if (delayMs === 0) return { url, [Symbol.asyncDispose]: async () => {} };
  const target = new URL(url);
  const child = fork(fileURLToPath(new URL("children/delay-proxy.ts", import.meta.url)), [
    target.hostname,
    target.port || "5432",
    String(delayMs),
  ]);
  const [port] = (await once(child, "message")) as [number];
  target.hostname = "127.0.0.1";
  target.port = String(port);
  return {
    url: target.href,
    async [Symbol.asyncDispose]() {
      const ended = once(child, "exit");
      child.kill();
      await ended;
    },
  };
}
