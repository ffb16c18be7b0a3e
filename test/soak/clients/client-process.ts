/** Users, many at a time: each has one intent after another, and repeats his call until he is told how it ended. */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "amqplib";
import { createIdempotencyKey } from "../../../src/client/index.ts";
import { type Random, seeded } from "../../chaos/seeded.ts";
import { parentPort } from "../../support/worker.ts";
import type { Wanted } from "../application/mutations.ts";
import type { Answer, Told } from "../told.ts";
import { callersOf } from "./callers.ts";

export interface ClientData {
  /** Addresses of the application, any of which a call may go to. */
  readonly origins: readonly string[];
  readonly messages: { readonly rabbit: string; readonly queue: string } | undefined;
  /** How many users there are at a time. */
  readonly users: number;
  readonly seed: number;
  /** Where the history is written: a line of JSON for each `Told`. */
  readonly history: string;
}

export type FromClient =
  | { type: "ready" }
  | { type: "progress"; keys: number; calls: number; pending: number }
  | { type: "ended"; keys: number; calls: number; met: Record<string, number> };

export type ToClient = { type: "end" };

const parent = await parentPort<ClientData, FromClient, ToClient>();
const { origins, messages, users, seed, history } = parent.data;
const callers = origins.map(callersOf);
const file = createWriteStream(history);
const channel =
  messages === undefined ? undefined : await (await connect(messages.rabbit)).createConfirmChannel();

/** When it is over, users begin nothing new. */
const ending = new AbortController();
let keys = 0;
let calls = 0;
let pending = 0;
/** Errors that calls were repeated after. */
const met: Record<string, number> = {};

/** Those whose answer may be asked for again. */
interface Earlier {
  readonly told: Told;
  readonly wanted: Wanted;
}

const pick = <T>(random: Random, items: readonly T[]): T =>
  items[Math.floor(random.next() * items.length)] as T;

const shortened = (error: unknown) =>
  String(error)
    .replaceAll(/[\d\n]+/g, " ")
    .slice(0, 60);

async function untilAnswered(random: Random, { told, wanted }: Earlier): Promise<Answer> {
  const { via, kind, key } = told;
  if (via === "rabbitmq" || kind === "ship") throw new Error("nobody answers a message");
  for (;;) {
    try {
      calls += 1;
      return await pick(random, callers)[via](kind, wanted, key);
    } catch (error) {
      const text = shortened(error);
      met[text] = (met[text] ?? 0) + 1;
      await sleep(50 + random.next() * 450);
    }
  }
}

const writeDown = (told: Told) => {
  file.write(`${JSON.stringify(told)}\n`);
};

async function message(random: Random, told: Told, wanted: Wanted): Promise<void> {
  if (messages === undefined || channel === undefined) throw new Error("no broker");
  // Before it is sent: whoever hears of no confirmation does not know whether it arrived.
  writeDown(told);
  const copies = random.next() < 0.3 ? 2 : 1;
  for (let copy = 0; copy < copies; copy += 1) {
    channel.sendToQueue(messages.queue, Buffer.from(JSON.stringify(wanted)), { messageId: told.key });
  }
  await channel.waitForConfirms();
}

async function call(random: Random, intent: Earlier, earlier: Earlier[]): Promise<void> {
  // A double click, a second tab, a proxy that repeats.
  const callers = random.next() < 0.7 ? 1 : 2 + Math.floor(random.next() * 3);
  const answers = await Promise.all(Array.from({ length: callers }, () => untilAnswered(random, intent)));
  const { told, wanted } = intent;
  const other = { ...wanted, quantity: wanted.quantity + 1 };
  const reuse = random.next() < 0.03 ? await untilAnswered(random, { ...intent, wanted: other }) : undefined;
  writeDown({ ...told, answers, ...(reuse !== undefined && { reuse }) });
  earlier.push(intent);
  if (earlier.length > 1_000) earlier.splice(0, 500);
  // A retry that comes late.
  if (random.next() < 0.05) {
    const late = pick(random, earlier);
    writeDown({ ...late.told, answers: [await untilAnswered(random, late)] });
  }
}

async function user(number: number): Promise<void> {
  const random = seeded(seed + number);
  const earlier: Earlier[] = [];
  for (let n = 0; !ending.signal.aborted; n += 1) {
    const intent = `${number}-${n}`;
    const isMessage = channel !== undefined && random.next() < 0.1;
    const quantity = 1 + Math.floor(random.next() * 9);
    const isSoldOut = !isMessage && random.next() < 0.05;
    const wanted = { intent, quantity, isSoldOut };
    const told: Told = isMessage
      ? { ...wanted, key: intent, kind: "ship", via: "rabbitmq", answers: [] }
      : {
          ...wanted,
          key: createIdempotencyKey(),
          kind: random.next() < 0.15 ? "pay" : "place",
          via: pick(random, ["trpc", "yoga", "http"] as const),
          answers: [],
        };
    pending += 1;
    if (isMessage) await message(random, told, wanted);
    else await call(random, { told, wanted }, earlier);
    pending -= 1;
    keys += 1;
  }
}

const progress = setInterval(() => parent.send({ type: "progress", keys, calls, pending }), 1_000);
parent.send({ type: "ready" });
const all = Promise.all(Array.from({ length: users }, (_, number) => user(number)));
await parent.waitFor("end");
ending.abort();
await all;
clearInterval(progress);
file.end();
await once(file, "close");
parent.send({ type: "ended", keys, calls, met });
