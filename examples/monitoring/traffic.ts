/** Clients that retry, click twice, and make mistakes. */
import { setTimeout as sleep } from "node:timers/promises";
import { makePayout } from "./payouts.ts";

const USERS = ["ada", "bob", "cleo", "dan"];

const oneOf = <T>(all: readonly T[]): T => all[Math.floor(Math.random() * all.length)] as T;

interface Charge {
  readonly user: string;
  readonly key: string;
  readonly cents: number;
}

async function send(url: string, { user, key, cents }: Charge): Promise<void> {
  const response = await fetch(`${url}/charges`, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": `"${key}"`, "x-user": user },
    body: JSON.stringify({ cents }),
  });
  await response.text();
}

/** What a client does, by how often. */
const HABITS: readonly [part: number, habit: (url: string, charge: Charge) => Promise<unknown>][] = [
  [70, send],
  // A double click.
  [15, (url, charge) => Promise.all([send(url, charge), send(url, charge)])],
  // A retry after a lost answer.
  [10, (url, charge) => send(url, charge).then(() => send(url, charge))],
  // One key for two intents.
  [3, (url, charge) => send(url, charge).then(() => send(url, { ...charge, cents: charge.cents + 1 }))],
  // What is refused by the handler, whose answer is stored.
  [2, (url, charge) => send(url, { ...charge, cents: -1 })],
];

const habits = HABITS.flatMap(([part, habit]) => Array.from({ length: part }, () => habit));

/** Charges, and now and then a payout, until it is stopped. */
export async function makeTraffic(url: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const charge = {
      user: oneOf(USERS),
      key: crypto.randomUUID(),
      cents: 100 + Math.floor(Math.random() * 900),
    };
    await oneOf(habits)(url, charge);
    if (Math.random() < 0.2) {
      // Its failure is the completer's to mend.
      await makePayout(charge.key, charge.user).catch(() => {});
    }
    await sleep(20 + Math.random() * 180, undefined, { signal }).catch(() => {});
  }
}
