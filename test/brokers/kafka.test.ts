import { type EachMessagePayload, Kafka, logLevel } from "kafkajs";
import { describe, it, vi } from "vitest";
import { createIdempotency } from "../../src/index.ts";
import { type ConsumeOptions, consumeOnce, kafkaHeader, kafkaOffset } from "../../src/messages/index.ts";
import { ship, shipped, type Transaction } from "../messages/support.ts";
import { databases, onPostgres, openPostgres, openSqlite, type TestDatabase } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { spawnWorker } from "../support/worker.ts";
import { kcatIsThere, startKafka } from "./brokers.ts";
import type { FromMember, MemberData } from "./kafka-process.ts";

type Given = Partial<ConsumeOptions<Transaction, EachMessagePayload>>;

const bodyOf = ({ message }: EachMessagePayload) => message.value?.toString() ?? "";

function consumer(db: TestDatabase, options: Given = {}) {
  const base = {
    idempotency: createIdempotency({ prisma: db.prisma }),
    consumer: "shipping",
    id: kafkaOffset,
  };
  return consumeOnce<Transaction, EachMessagePayload>({ ...base, ...options })(async (payload, { tx }) => {
    await ship(tx, bodyOf(payload));
    if (bodyOf(payload).startsWith("bad")) throw new Error("out of crates");
  });
}

const onPoison: NonNullable<Given["onPoison"]> = async (payload, { tx, reason }) => {
  await ship(tx, `${reason} ${bodyOf(payload)}`);
};

async function open() {
  const cluster = await startKafka();
  const kafka = new Kafka({
    brokers: cluster.brokers,
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 20, retries: 20 },
  });
  const producer = kafka.producer({ allowAutoTopicCreation: true });
  await producer.connect();
  return {
    brokers: cluster.brokers,
    async send(messages: { partition: number; value: string; headers?: Record<string, string> }[]) {
      await producer.send({ topic: "orders", messages });
    },
    /** A member of the group. Without `commits` it goes as a killed one does: its offsets are not stored. */
    async member(consume: ReturnType<typeof consumer>, { commits = true, seen = (_: string) => {} } = {}) {
      const group = kafka.consumer({ groupId: "shipping", sessionTimeout: 6_000, heartbeatInterval: 500 });
      await group.connect();
      await group.subscribe({ topic: "orders", fromBeginning: true });
      await group.run({
        autoCommit: commits,
        autoCommitThreshold: 1,
        eachMessage: async (payload) => {
          const { outcome, replayed } = await consume(payload);
          seen(`${bodyOf(payload)} ${outcome}${replayed ? " before" : ""}`);
        },
      });
      return group;
    },
    async [Symbol.asyncDispose]() {
      await producer.disconnect();
      await cluster[Symbol.asyncDispose]();
    },
  };
}

const orders = Array.from({ length: 40 }, (_, n) => ({ partition: n % 4, value: `order ${n}` }));
const timeout = 30_000;

// At a time: each waits most of its time for a group to settle, in a cluster of its own.
describe.runIf(await kcatIsThere()).concurrent("Kafka", () => {
  it.for(databases)(
    "a member whose offsets were lost is followed by one that consumes nothing again, on $name",
    async ({ open: openDb }, { expect }) => {
      await using db = await openDb();
      await using kafka = await open();
      await kafka.send(orders);
      const first: string[] = [];
      const lost = await kafka.member(consumer(db), { commits: false, seen: (result) => first.push(result) });
      await vi.waitFor(() => expect(first.length).toBeGreaterThanOrEqual(40), { timeout });
      await lost.disconnect();
      const again: string[] = [];
      const heir = await kafka.member(consumer(db), { seen: (result) => again.push(result) });
      await vi.waitFor(() => expect(again.length).toBeGreaterThanOrEqual(40), { timeout });
      await heir.disconnect();
      expect(again.every((result) => result.endsWith("consumed before"))).toBe(true);
      expect(new Set(await shipped(db)).size).toBe(40);
      expect(await db.countOrders()).toBe(40);
    },
  );

  it.runIf(onPostgres)(
    "members killed one after the other: their partitions go on elsewhere, every effect once, none missing",
    async ({ expect }) => {
      await using db = await openPostgres();
      await using kafka = await open();
      const many = Array.from({ length: 800 }, (_, n) => ({ partition: n % 4, value: `order ${n}` }));
      await kafka.send(many);
      const target = { provider: db.provider, url: db.url };
      const join = (by: string) => {
        const data: MemberData = { target, brokers: kafka.brokers, by };
        return spawnWorker<FromMember>(new URL("kafka-process.ts", import.meta.url), data);
      };
      for (const by of ["first", "second"]) {
        await using member = join(by);
        // In the middle of its work: what it consumed last has no offset committed.
        for (let seen = 0; seen < 40; ) seen += (await member.waitFor("consumed")).replayed ? 0 : 1;
        await member.kill();
      }
      await using last = join("last");
      let replays = 0;
      const heard = (async () => {
        for (;;) replays += (await last.waitFor("consumed")).replayed ? 1 : 0;
      })().catch(() => {});
      await eventually(async () => expect(await db.countOrders()).toBe(800));
      await last.kill();
      await heard;
      expect(new Set(await shipped(db))).toEqual(new Set(many.map(({ value }) => value)));
      expect(await db.countOrders()).toBe(800);
      expect(replays).toBeGreaterThan(0);
    },
  );

  it("a message that its producer wrote twice, to two partitions, is known by its header", async ({
    expect,
  }) => {
    await using db = await openSqlite();
    await using kafka = await open();
    const twice = [0, 1].map((partition) => ({
      partition,
      value: "order 1",
      headers: { "message-id": "1" },
    }));
    await kafka.send([...twice, { partition: 2, value: "no id" }]);
    const seen: string[] = [];
    const consume = consumer(db, { id: kafkaHeader("message-id"), onPoison });
    const member = await kafka.member(consume, { seen: (result) => seen.push(result) });
    const all = ["order 1 consumed", "order 1 consumed before", "no id poisoned"];
    await vi.waitFor(() => expect(new Set(seen)).toEqual(new Set(all)), { timeout });
    await member.disconnect();
    // What has no id is known by nothing, should it be delivered again.
    expect(new Set(await shipped(db))).toEqual(new Set(["no_id no id", "order 1"]));
    expect(await db.countOrders({ key: "order 1" })).toBe(1);
  });

  it("a message that always fails goes to onPoison by the database's count, and its partition goes on", async ({
    expect,
  }) => {
    await using db = await openSqlite();
    await using kafka = await open();
    await kafka.send(["order 1", "bad order", "order 2"].map((value) => ({ partition: 0, value })));
    const seen: string[] = [];
    const consume = consumer(db, { onPoison, attemptsMax: 3 });
    let deliveries = 0;
    const counted: typeof consume = async (payload) => {
      if (bodyOf(payload) === "bad order") deliveries += 1;
      return consume(payload);
    };
    const member = await kafka.member(counted, { seen: (result) => seen.push(result) });
    await vi.waitFor(() => expect(seen).toContain("order 2 consumed"), { timeout });
    await member.disconnect();
    // A group that settles anew delivers again what it has not yet noted as done.
    const fresh = seen.filter((result) => !result.endsWith("before"));
    expect(fresh).toEqual(["order 1 consumed", "bad order poisoned", "order 2 consumed"]);
    expect(deliveries).toBeGreaterThanOrEqual(3);
    expect(await shipped(db)).toEqual(["attempts bad order", "order 1", "order 2"]);
  });
});
