/** A process of the application in leased-shop.ts, told by IPC what to place and where to stop. */

import type { RunOptions } from "../../src/core/contract/options/options.ts";
import { createCompleter } from "../../src/core/lease/completer.ts";
import type { CompleterOptions } from "../../src/core/lease/completer-options.ts";
import { type ClientOptions, type ClientTarget, connect } from "./clients.ts";
import type { LeasePoint } from "./lease-points.ts";
import { type LeasedAnswer, openLeasedShop } from "./leased-shop.ts";
import { failureText } from "./shop.ts";
import { renamed } from "./shop-worker.ts";
import { parentPort, spawnWorker, type Worker } from "./worker.ts";

export interface LeasedWorkerData {
  target: ClientTarget;
  client?: ClientOptions;
  by: string;
  service: string;
  run?: RunOptions;
}

type ToLeasedShop =
  /** Places one order; at `stopAt` it says so and waits for "go". */
  | { type: "place"; key: string; stopAt?: LeasePoint }
  | { type: "go" }
  /** Completes what is abandoned, until the process ends. */
  | { type: "complete"; options: CompleterOptions }
  | { type: "clock" };

type FromLeasedShop =
  | { type: "ready" }
  | { type: "at"; key: string; point: LeasePoint }
  | { type: "answer"; answer: LeasedAnswer }
  | { type: "failed"; key: string; failure: string }
  | { type: "aborted"; key: string; failure: string }
  | { type: "time"; now: number; date: string };

export type LeasedWorker = Worker<FromLeasedShop, ToLeasedShop> & { by: string };

/** In the parent: starts one that is connected. `imports` are loaded before anything else. */
export async function startLeasedShop(
  { target, ...data }: LeasedWorkerData,
  imports: readonly URL[] = [],
): Promise<LeasedWorker> {
  const named = { ...data, target: { ...target, url: renamed(target, data.by) } };
  const script = new URL("leased-process.ts", import.meta.url);
  const worker = spawnWorker<FromLeasedShop, ToLeasedShop>(script, named, { imports });
  await worker.waitFor("ready");
  return Object.assign(worker, { by: data.by });
}

/** In the child. */
export async function runLeasedShop(): Promise<void> {
  const port = await parentPort<LeasedWorkerData, FromLeasedShop, ToLeasedShop>();
  const { target, client, by, service, run } = port.data;
  const prisma = await connect(target, client);
  const stopAt = new Map<string, LeasePoint>();
  /** Runs that stand there, until they may go on. */
  const standing = new Map<string, Promise<unknown>>();
  const shop = openLeasedShop({
    prisma,
    by,
    service,
    async hit(point, key) {
      if (stopAt.get(key) !== point) return;
      // A statement that takes long is sent again, and would pass.
      const first = standing.get(key);
      if (first !== undefined) {
        await first;
        return;
      }
      const go = port.waitFor("go");
      standing.set(key, go);
      port.send({ type: "at", key, point });
      await go;
      stopAt.delete(key);
    },
    onAbort: (key, reason) => port.send({ type: "aborted", key, failure: failureText(reason) }),
    ...(run === undefined ? {} : { run }),
  });
  await prisma.order.count();
  port.send({ type: "ready" });

  const place = async () => {
    for (;;) {
      const { key, stopAt: point } = await port.waitFor("place");
      if (point !== undefined) stopAt.set(key, point);
      shop.place(key).then(
        (answer) => port.send({ type: "answer", answer }),
        (error: unknown) => port.send({ type: "failed", key, failure: failureText(error) }),
      );
    }
  };
  const complete = async () => {
    const { options } = await port.waitFor("complete");
    createCompleter({ idempotency: shop.idempotency, handlers: shop.handlers, ...options }).start();
  };
  const clock = async () => {
    for (;;) {
      await port.waitFor("clock");
      port.send({ type: "time", now: Date.now(), date: new Date().toISOString() });
    }
  };
  await Promise.all([place(), complete(), clock()]);
}
