/**
 * A soak: the application in several processes, its users, and what happens to all of them for minutes or hours. In the end all that
 * users were told is held against the database.
 */
import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "amqplib";
import { openService } from "../../examples/payments/service.ts";
import { withinLimit } from "../../src/core/contract/within-limit.ts";
import { RABBITMQ_URL, rabbitmqIsThere } from "../brokers/brokers.ts";
import { seeded } from "../chaos/seeded.ts";
import { spawnWorker } from "../support/worker.ts";
import { STOCKS } from "./application/mutations.ts";
import type { ClientData, FromClient, ToClient } from "./clients/client-process.ts";
import type { SoakDatabase } from "./databases/database.ts";
import { DATABASES } from "./databases/index.ts";
import { type Checked, check } from "./history/check.ts";
import { storedIn } from "./history/stored.ts";
import type { Told } from "./told.ts";
import { Faults } from "./world/faults.ts";
import { ServerProcess } from "./world/servers.ts";

export interface SoakOptions {
  /** `postgresql`, `mariadb`, `galera` or `sqlite`. */
  readonly database: string;
  readonly ms: number;
  readonly seed: number;
  /** Processes of the application. */
  readonly servers: number;
  /** Users at a time. */
  readonly users: number;
  /** The mean time between two faults. */
  readonly faultEveryMs: number;
  readonly log?: (line: string) => void;
}

export interface Report extends Checked {
  readonly calls: number;
  readonly faults: Readonly<Record<string, number>>;
  /** Errors that clients repeated their calls after. */
  readonly met: Readonly<Record<string, number>>;
  readonly seconds: number;
}

export async function soak(options: SoakOptions): Promise<Report> {
  const { seed, servers: count, log = () => {} } = options;
  const begin = performance.now();
  const open = DATABASES[options.database];
  if (open === undefined) {
    throw new Error(`no database "${options.database}"; give one of ${Object.keys(DATABASES).join(", ")}`);
  }
  await using opened = new Opened();
  const folder = await mkdtemp(join(tmpdir(), "onceonly-soak-"));
  opened.onEnd(() => rm(folder, { recursive: true }));
  const database = opened.use(await open(count));
  await furnish(database);
  const queue = (await rabbitmqIsThere()) ? opened.use(await openQueue()) : undefined;
  const messages = queue?.messages;
  const service = opened.use(await openService({ failureRate: 0.03, random: seeded(seed + 1).next }));
  const servers = await Promise.all(
    Array.from({ length: count }, async (_, number) => {
      const target = { provider: database.provider, url: database.urlFor(number) };
      const data = { target, pool: database.pool, by: `p${number}`, service: service.url, messages };
      return opened.use(await new ServerProcess(number, data).open());
    }),
  );
  const data: ClientData = {
    origins: servers.map(({ relay }) => `http://127.0.0.1:${relay.port}`),
    messages,
    users: options.users,
    seed: seed + 2,
    history: join(folder, "history.jsonl"),
  };
  const client = opened.use(
    spawnWorker<FromClient, ToClient>(new URL("clients/client-process.ts", import.meta.url), data),
  );
  await client.waitFor("ready");

  const faults = new Faults({ database, servers }, seeded(seed));
  const until = performance.now() + options.ms;
  void watch(client, log);
  await faults.happen(options.faultEveryMs, () => performance.now() < until);
  log("All is well again; users get their last answers.");
  client.send({ type: "end" });
  const { calls, met } = await withinLimit(client.waitFor("ended"), PATIENCE_MS).catch((cause: unknown) => {
    throw new Error("There are users that were never answered, though all is well again.", { cause });
  });
  await queue?.isEmpty();
  await rest(database);
  log("The history is checked.");
  const told = () => toldIn(data.history);
  const nodes = Array.from({ length: database.nodes }, (_, node) => node);
  const checked: Checked[] = [];
  for (const node of nodes)
    checked.push(await check(told(), await storedIn(database, node), service.effects));
  const broken = checked.flatMap(({ violations }, node) =>
    violations.map((line) => (nodes.length > 1 ? `node ${node}: ${line}` : line)),
  );
  const deaths = servers
    .flatMap((server) => server.deaths)
    .map((death) => `a process ended by itself: ${death}`);
  return {
    ...(checked[0] as Checked),
    violations: [...broken, ...deaths],
    calls,
    faults: faults.counts,
    met,
    seconds: (performance.now() - begin) / 1_000,
  };
}

async function furnish(database: SoakDatabase): Promise<void> {
  const stocks = Array.from({ length: STOCKS }, (_, n) => `('stock ${n}', 0)`);
  await database.query(`INSERT INTO "Account" (id, balance) VALUES ${stocks.join(", ")}`);
  await database.query('CREATE INDEX order_key ON "Order" ("key")');
}

/** What is open, and is closed in the opposite order. */
class Opened implements AsyncDisposable {
  readonly #ends: (() => unknown)[] = [];

  use<T extends AsyncDisposable>(resource: T): T {
    this.onEnd(() => resource[Symbol.asyncDispose]());
    return resource;
  }

  onEnd(end: () => unknown): void {
    this.#ends.unshift(end);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends) await end();
  }
}

async function openQueue() {
  const queue = `onceonly-soak-${randomUUID()}`;
  const connection = await connect(RABBITMQ_URL);
  const channel = await connection.createChannel();
  await channel.assertQueue(queue, { durable: false });
  return {
    messages: { rabbit: RABBITMQ_URL, queue },
    async isEmpty() {
      while ((await channel.checkQueue(queue)).messageCount > 0) await sleep(200);
    },
    async [Symbol.asyncDispose]() {
      await channel.deleteQueue(queue);
      await connection.close();
    },
  };
}

const QUIET_MS = 5_000;

/** How long what is under way may take once all is well again. */
const PATIENCE_MS = 300_000;

/** Until nothing is under way any more: consumers and completers come to the end of what they hold. What does not is found by the check. */
async function rest(database: SoakDatabase): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  const look = async () => {
    const rows = await database.query(
      "SELECT status, count(*) AS n FROM idempotency_record GROUP BY status ORDER BY 1",
    );
    return {
      text: JSON.stringify(rows.map(({ n }) => Number(n))),
      isOpen: rows.some((row) => row["status"] === "in_progress"),
    };
  };
  for (
    let before = await look(), since = performance.now();
    performance.now() - since < QUIET_MS && performance.now() < until;
  ) {
    await sleep(500);
    const now = await look();
    if (now.isOpen || now.text !== before.text) since = performance.now();
    before = now;
  }
}

/** Until the client is gone. */
async function watch(
  client: { waitFor(type: "progress"): Promise<FromClient & { type: "progress" }> },
  log: (line: string) => void,
): Promise<void> {
  for (let seconds = 1; ; seconds += 1) {
    const progress = await client.waitFor("progress").catch(() => undefined);
    if (progress === undefined) return;
    if (seconds % 30 === 0)
      log(`${progress.keys} keys, ${progress.calls} calls, ${progress.pending} pending`);
  }
}

async function* toldIn(path: string): AsyncGenerator<Told> {
  for await (const line of createInterface({ input: createReadStream(path) })) yield JSON.parse(line) as Told;
}
