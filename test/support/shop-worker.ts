/** A process of the application in shop.ts, told by IPC what to place and where to stop. */
import { setImmediate as turn } from "node:timers/promises";
import type { RunOptions } from "../../src/core/contract/options/options.ts";
import type { StoreFault } from "../../src/core/contract/store.ts";
import { type ClientOptions, type ClientTarget, connect, type TestClient } from "./clients.ts";
import type { CrashPoint } from "./crash-points.ts";
import { type Answer, failureText, openShop, type PlaceOptions, type Shop } from "./shop.ts";
import { type ParentPort, parentPort, spawnWorker, type Worker } from "./worker.ts";

export interface ShopWorkerData {
  target: ClientTarget;
  client?: ClientOptions;
  by: string;
  run?: RunOptions;
}

export type ToShop =
  /** Places one order; at `stopAt` it says so and waits for "go". */
  | { type: "place"; key: string; stopAt?: CrashPoint }
  | { type: "go" }
  /** Places `each` orders of every key, all at once. `gated`: the handler begins by updating the row "gate". */
  | { type: "burst"; keys: string[]; each: number; gated?: boolean }
  /** Asks the application's own pool something that has nothing to do with any key. */
  | { type: "ask" }
  /** Places orders of these keys one after the other, `at once` of them side by side, telling each answer. */
  | { type: "load"; keys: string[]; atOnce: number };

type FromShop =
  | { type: "ready" }
  | { type: "at"; point: CrashPoint }
  | { type: "fault"; fault: StoreFault | undefined }
  | { type: "answer"; answer: Answer }
  | { type: "failed"; failure: string }
  | { type: "began" }
  | { type: "burst over"; answers: Answer[]; failures: string[]; unseen: number }
  | { type: "asked"; orders: number };

export type ShopWorker = Worker<FromShop, ToShop> & { by: string };

/** In the parent: starts one that is connected. */
export async function startShop(data: ShopWorkerData): Promise<ShopWorker> {
  const worker = spawnWorker<FromShop, ToShop>(new URL("shop-process.ts", import.meta.url), data);
  await worker.waitFor("ready");
  return Object.assign(worker, { by: data.by });
}

type Port = ParentPort<ShopWorkerData, ToShop, FromShop>;

/** In the child. */
export async function runShop(): Promise<void> {
  const port: Port = await parentPort<ShopWorkerData, FromShop, ToShop>();
  const { target, client, by, run } = port.data;
  const prisma = await connect(target, client);
  // Sees what is committed, and nothing else.
  const observer = await connect({ ...target, url: renamed(target, `${by} observer`) }, { max: 2 });
  let stopAt: CrashPoint | undefined;
  const shop = openShop({
    prisma,
    by,
    async hit(point) {
      if (point !== stopAt) return;
      stopAt = undefined;
      port.send({ type: "at", point });
      await port.waitFor("go");
    },
    onFault: (fault) => port.send({ type: "fault", fault }),
    ...(run === undefined ? {} : { run }),
  });
  await prisma.order.count();
  port.send({ type: "ready" });
  await Promise.all([
    obey(port, "place", (command) => {
      stopAt = command.stopAt;
      void placeAndTell(port, shop, command.key);
    }),
    obey(port, "ask", async () => port.send({ type: "asked", orders: await prisma.order.count() })),
    obey(port, "burst", (command) => burst(port, shop, observer, command)),
    obey(port, "load", (command) => load(port, shop, command)),
  ]);
}

async function obey<T extends ToShop["type"]>(
  port: Port,
  type: T,
  handle: (command: CommandOf<T>) => Promise<void> | void,
): Promise<never> {
  for (;;) await handle(await port.waitFor(type));
}

type CommandOf<T extends ToShop["type"]> = Extract<ToShop, { type: T }>;

function placeAndTell(port: Port, shop: Shop, key: string): Promise<void> {
  return shop.place(key).then(
    (answer) => port.send({ type: "answer", answer }),
    (error: unknown) => port.send({ type: "failed", failure: failureText(error) }),
  );
}

async function burst(
  port: Port,
  shop: Shop,
  observer: TestClient,
  { keys, each, gated }: CommandOf<"burst">,
) {
  const failures: string[] = [];
  const answers: Answer[] = [];
  let unseen = 0;
  const options: PlaceOptions = gated === true ? { first: passGate } : {};
  const placeAndLook = async (key: string) => {
    const answer = await shop.place(key, options);
    const seen = await observer.order.count({ where: { id: answer.orderId } });
    answers.push(answer);
    unseen += 1 - seen;
  };
  const all = keys.flatMap((key) =>
    Array.from({ length: each }, () =>
      placeAndLook(key).catch((error: unknown) => failures.push(failureText(error))),
    ),
  );
  // By then each of them leads or waits in memory.
  await turn();
  port.send({ type: "began" });
  await Promise.all(all);
  port.send({ type: "burst over", answers, failures, unseen });
}

async function load(port: Port, shop: Shop, { keys, atOnce }: CommandOf<"load">) {
  const left = [...keys];
  const lane = async () => {
    for (let key = left.shift(); key !== undefined; key = left.shift()) await placeAndTell(port, shop, key);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

const passGate: NonNullable<PlaceOptions["first"]> = (tx) =>
  tx.account.update({ where: { id: "gate" }, data: { balance: { increment: 1 } } });

/** The URL under which PostgreSQL shows a session as `name`. */
export function renamed({ provider, url }: ClientTarget, name: string): string {
  if (provider === "sqlite") return url;
  const named = new URL(url);
  named.searchParams.set("application_name", name);
  return named.href;
}
