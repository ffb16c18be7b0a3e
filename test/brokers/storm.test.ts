import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "amqplib";
import { describe, expect, it } from "vitest";
import { SEED, seeded } from "../chaos/seeded.ts";
import { onPostgres, openPostgres } from "../support/database.ts";
import { times } from "../support/scale.ts";
import { spawnWorker, type Worker } from "../support/worker.ts";
import { RABBITMQ_URL, rabbitmqIsThere } from "./brokers.ts";
import type { FromStorm, StormData } from "./storm-process.ts";

const MESSAGES = 10_000;
const DUPLICATES = 3_000;
const PARTITIONS = 4;
const LANES = 2;
const KILLS_PER_LANE = times({ short: 2, long: 10 });

/** Queues as partitions, filled in an order of their own. Where a duplicate goes has nothing to do with the first one. */
async function openPartitions() {
  const connection = await connect(RABBITMQ_URL);
  const channel = await connection.createConfirmChannel();
  const queues = Array.from({ length: PARTITIONS }, () => `onceonly-${randomUUID()}`);
  for (const queue of queues) await channel.assertQueue(queue, { durable: false });
  return {
    queues,
    async publish(numbers: readonly number[], random: ReturnType<typeof seeded>) {
      for (const number of numbers) {
        const queue = queues[Math.floor(random.next() * PARTITIONS)] ?? "";
        channel.sendToQueue(queue, Buffer.from(`order ${number}`), { messageId: `m${number}` });
      }
      await channel.waitForConfirms();
    },
    /** What no consumer holds. */
    async waiting() {
      const counts = await Promise.all(queues.map((queue) => channel.checkQueue(queue)));
      return counts.reduce((sum, { messageCount }) => sum + messageCount, 0);
    },
    async [Symbol.asyncDispose]() {
      for (const queue of queues) await channel.deleteQueue(queue);
      await connection.close();
    },
  };
}

const wanted = onPostgres && (await rabbitmqIsThere());

describe.runIf(wanted)("consumers killed at random, on postgresql", () => {
  it(`10,000 messages, 30 % of them twice and out of order: every effect once, none missing (CHAOS_SEED=${SEED})`, async () => {
    await using db = await openPostgres();
    await using partitions = await openPartitions();
    const random = seeded(SEED);
    const numbers = Array.from({ length: MESSAGES }, (_, number) => number);
    const twice = random.shuffled(numbers).slice(0, DUPLICATES);
    await partitions.publish(random.shuffled([...numbers, ...twice]), random);

    const target = { provider: db.provider, url: db.url };
    let replays = 0;
    let kills = 0;
    let started = 0;
    const start = async (): Promise<Worker<FromStorm, never>> => {
      started += 1;
      const data: StormData = { target, rabbit: RABBITMQ_URL, queues: partitions.queues, by: `p${started}` };
      const worker = spawnWorker<FromStorm>(new URL("storm-process.ts", import.meta.url), data);
      await worker.waitFor("ready");
      return worker;
    };
    const isOver = async () => (await partitions.waiting()) === 0 && (await db.countOrders()) >= MESSAGES;
    const lane = async (number: number) => {
      const own = seeded(SEED + number);
      for (let killed = 0; ; killed += 1) {
        await using worker = await start();
        const heard = (async () => {
          for (;;) replays += (await worker.waitFor("acknowledged")).replayed ? 1 : 0;
        })().catch(() => {});
        await sleep(1_000 + own.next() * 5_000);
        // The last one of a lane stays to the end.
        if (killed === KILLS_PER_LANE) await expect.poll(isOver, { interval: 500 }).toBe(true);
        const over = await isOver();
        await worker.kill();
        await heard;
        if (over) return;
        kills += 1;
      }
    };
    await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)));
    // What the last ones held unacknowledged comes back: all of it is consumed in the end.
    while ((await partitions.waiting()) > 0) {
      await using worker = await start();
      await expect.poll(() => partitions.waiting()).toBe(0);
      await worker.kill();
    }

    const effects = await db.query(
      `SELECT count(*)::int AS n, count(DISTINCT key)::int AS keys FROM "Order"`,
    );
    const records = await db.query(
      "SELECT count(*)::int AS n FROM idempotency_record WHERE status = 'completed'",
    );
    expect({ effects, records }).toEqual({
      effects: [{ n: MESSAGES, keys: MESSAGES }],
      records: [{ n: MESSAGES }],
    });
    expect(kills).toBeGreaterThan(3);
    // A consumer that is killed has not told of all that it acknowledged.
    expect(replays).toBeGreaterThan(DUPLICATES / 4);
    console.log(`${kills} kills, ${replays} replays were acknowledged`);
  });
});
