import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { openService } from "../../examples/payments/service.ts";
import { type Random, SEED, seeded } from "../chaos/seeded.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { gate } from "../support/gate.ts";
import { comparedWith, openLeasedShop } from "../support/leased-shop.ts";
import { type LeasedWorker, startLeasedShop } from "../support/leased-worker.ts";
import { times } from "../support/scale.ts";

/** Runs whose process is killed under them, on each database. */
const KILLS = times({ short: 6, long: 150 });
const LANES = 2;
const IN_FLIGHT = 10;
const run = { leaseMs: 1_000, waitMs: 60_000, transaction: { maxWaitMs: 20_000, timeoutMs: 1_000 } };

const patient = { ...run, leaseMs: 20_000, transaction: { maxWaitMs: 20_000, timeoutMs: 20_000 } };

interface Tally {
  killed: number;
  processes: number;
  answers: Map<string, object>;
  failures: string[];
}

/** One process after the other, each with runs in flight and a completer, each killed at a random moment. */
async function killInSequence(
  start: (by: string) => Promise<LeasedWorker>,
  lane: number,
  random: Random,
  tally: Tally,
): Promise<void> {
  for (let next = start(`p${lane}.0`), n = 0; ; n += 1) {
    await using worker = await next;
    // A first process may be killed with all of its runs before it has answered one.
    if (tally.killed >= KILLS && tally.answers.size > 0) return;
    next = start(`p${lane}.${n + 1}`);
    const inFlight = new Set<string>();
    const firstTold = gate();
    const ask = () => {
      // Both lanes want the same keys, and want them again while others hold their leases.
      const window = Array.from({ length: 20 }, (_, index) => `k${tally.processes * 5 + index}`);
      const [key] = random.shuffled(window.filter((one) => !inFlight.has(one)));
      if (key === undefined) return;
      worker.send({ type: "place", key });
      inFlight.add(key);
    };
    const answered = async () => {
      for (;;) {
        const { answer } = await worker.waitFor("answer");
        inFlight.delete(answer.key);
        firstTold.open();
        const { replayed: _, ...rest } = answer;
        expect(tally.answers.get(answer.key) ?? rest).toEqual(rest);
        tally.answers.set(answer.key, rest);
        ask();
      }
    };
    const failed = async () => {
      for (;;) {
        const { key, failure } = await worker.waitFor("failed");
        inFlight.delete(key);
        tally.failures.push(failure);
        ask();
      }
    };
    const heard = Promise.allSettled([answered(), failed()]);
    if (n % 2 === 0) worker.send({ type: "complete", options: { pollMs: 50, backoffMs: 50 } });
    for (let flight = 0; flight < IN_FLIGHT; flight += 1) ask();
    // Half of them while they are busy answering, however slow the machine is.
    if (n % 2 === 1) await Promise.race([firstTold.opened, sleep(60_000)]);
    await sleep(random.next() * 500);
    await worker.kill();
    await heard;
    tally.killed += inFlight.size;
    tally.processes += 1;
  }
}

async function openEverything(open: () => Promise<TestDatabase>) {
  const database = await open();
  // One request in ten goes wrong, and nobody is told which.
  const random = seeded(SEED);
  const service = await openService({ failureRate: 0.1, delayMsMax: 20, random: () => random.next() });
  return {
    database,
    service,
    async [Symbol.asyncDispose]() {
      await service[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

describe.each(databases)(
  `${KILLS} leased runs killed at random on $name, with retries, completers and a service that fails`,
  ({ open }) => {
    test(`each key has one order, one charge and one answer in the end (CHAOS_SEED=${SEED})`, async () => {
      await using setup = await openEverything(open);
      const { database, service } = setup;
      const target = { provider: database.provider, url: database.url };
      const start = (by: string) => startLeasedShop({ by, target, service: service.url, run });
      const tally: Tally = { killed: 0, processes: 0, answers: new Map(), failures: [] };
      const began = performance.now();
      await Promise.all(
        Array.from({ length: LANES }, (_, lane) => killInSequence(start, lane, seeded(SEED + lane), tally)),
      );
      const took = Math.round(performance.now() - began);

      const heir = openLeasedShop({
        prisma: database.prisma,
        by: "heir",
        service: service.url,
        run: patient,
      });
      const place = async (key: string) => {
        for (;;) {
          const answer = await heir.place(key).catch(() => undefined);
          if (answer !== undefined) return answer;
        }
      };
      const rows = await database.query("SELECT key, attempt FROM idempotency_record");
      const finals = await Promise.all(rows.map(({ key }) => place(String(key))));
      for (const { replayed: _, ...answer } of finals) {
        expect(tally.answers.get(answer.key) ?? answer).toEqual(answer);
      }
      const { found, expected } = await comparedWith(database, service, finals);
      expect(found).toEqual(expected);
      const attempts = Math.max(...rows.map(({ attempt }) => Number(attempt)));
      console.log(
        `${database.provider}: ${tally.killed} runs killed with ${tally.processes} processes in ${took} ms; ` +
          `${finals.length} keys, at most ${attempts} attempts, ${service.requests} requests, ${service.effects.length} effects; ` +
          `failures told: ${JSON.stringify(countsOf(tally.failures))}`,
      );
      expect(tally.killed).toBeGreaterThanOrEqual(KILLS);
      expect(tally.answers.size).toBeGreaterThan(0);
    });
  },
);

function countsOf(texts: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const text of texts) counts[text.slice(0, 200)] = (counts[text.slice(0, 200)] ?? 0) + 1;
  return counts;
}
