import { spawnWorker } from "../test/support/worker.ts";
import type { DelayProxyData, DelayProxyUp } from "./children/delay-proxy.ts";

/** Of servers whose URL names none. */
const PORTS: Readonly<Record<string, number>> = { "mariadb:": 3306, "postgresql:": 5432, "postgres:": 5432 };

export interface Delayed extends AsyncDisposable {
  readonly url: string;
}

/** The database at `url` behind a network that takes `delayMs` each way, made by a process of its own. */
export async function openDelayed(url: string, delayMs: number): Promise<Delayed> {
  if (delayMs === 0) return { url, [Symbol.asyncDispose]: async () => {} };
  const target = new URL(url);
  const script = new URL("children/delay-proxy.ts", import.meta.url);
  const data: DelayProxyData = {
    host: target.hostname,
    port: Number(target.port || PORTS[target.protocol]),
    delayMs,
  };
  const proxy = spawnWorker<DelayProxyUp>(script, data);
  const { port } = await proxy.waitFor("listening");
  target.hostname = "127.0.0.1";
  target.port = String(port);
  return { url: target.href, [Symbol.asyncDispose]: () => proxy.kill() };
}
