/** The simulated database answers as real ones do, to whatever one caller after another asks of the store. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { ClaimParams, Store } from "../../src/core/contract/store.ts";
import { createPrismaStore } from "../../src/prisma/create-store.ts";
import { SEED } from "../chaos/seeded.ts";
import { databases } from "../support/database.ts";
import { times } from "../support/scale.ts";
import { Network, Pool } from "./database/network.ts";
import { Server } from "./database/server.ts";
import type { Kind } from "./program/dialect.ts";
import { keepContexts } from "./world/context.ts";
import { buildProgram, Image } from "./world/image.ts";
import { SimulatedProcess } from "./world/process.ts";
import { Choices } from "./world/random.ts";
import { World } from "./world/world.ts";

// Longer than all the histories of the simulated clock together: what one has left must not expire in the next.
const LONG_MS = 1_000 * 3_600_000;
const LIMITS = { maxWaitMs: undefined, timeoutMs: undefined, lockWaitMs: 1_000, isolationLevel: undefined };

type Ask = (store: Store<never>) => Promise<unknown>;

/** One call of the port, and its name. `id` tells the records of one history from those of another. */
function askOf(choices: Choices, id: string): readonly [string, Ask] {
  const owner = choices.of(["a", "b"]);
  const leaseMs = choices.of([0, LONG_MS, LONG_MS]);
  const retentionMs = choices.of([0, LONG_MS, LONG_MS]);
  const name = choices.of(["one", "two"]);
  const held = { id, owner };
  const claim: ClaimParams = {
    id,
    scope: "s",
    operation: id,
    key: "k",
    fingerprint: choices.of(["f", "f", "f", "g"]),
    owner,
    lockWaitMs: 1_000,
    retentionMs,
    leaseMs,
    input: choices.of(["i", null]),
  };
  const outcome = {
    ...held,
    status: choices.of(["completed", "failed"] as const),
    response: choices.of(["r", "rr"]),
  };
  const asks: Readonly<Record<string, Ask>> = {
    claim: ({ leases }) => leases.claim(claim),
    renew: ({ leases }) => leases.renew({ ...held, leaseMs, retentionMs }),
    holds: ({ leases }) => leases.holds(held),
    recordStep: ({ leases }) => leases.recordStep({ ...held, name, response: choices.of(["r", "rr"]) }),
    steps: async ({ leases }) =>
      (await leases.steps(id)).map((step) => `${step.name} ${step.response}`).toSorted(),
    complete: ({ leases }) => leases.complete({ ...outcome, retentionMs }),
    giveBack: ({ leases }) => leases.giveBack({ ...held, delayMs: choices.of([0, LONG_MS]), retentionMs }),
    outcomeOf: ({ leases }) => leases.outcomeOf(id),
    claimAbandoned: ({ leases }) =>
      leases.claimAbandoned({ operations: [id], owner, leaseMs, retentionMs: LONG_MS }),
    replayable: (store) => store.replayable(id),
    prune: async ({ upkeep }) => (await upkeep.prune({ limit: 10 })).deleted,
    forget: ({ upkeep }) => upkeep.forget(id),
    transaction: (store) =>
      store.transaction(
        { limits: LIMITS, claim: { ...claim, leaseMs: null, retentionMs: LONG_MS } },
        async (session) => {
          const claimed = await session.claim();
          return {
            value: claimed,
            ...(claimed.state === "claimed" && { outcome: { ...outcome, retentionMs: null } }),
          };
        },
      ),
  };
  const often = ["claim", "claim", "complete", "transaction", "recordStep"];
  const asked = choices.of([...Object.keys(asks), ...often]);
  return [`${asked} ${JSON.stringify({ ...claim, ...outcome, name })}`, asks[asked] as Ask];
}

async function simulated(kind: Kind) {
  const image = new Image(await buildProgram());
  const world = new World(false, false);
  const choices = new Choices(SEED, "same as real");
  const server = new Server(world, choices, kind === "cluster");
  const process = new SimulatedProcess("P1", world, choices, { rate: 1, wallAheadMs: 0 });
  image.runs(process);
  const { SimulatedPrisma: Prisma, PrismaStore: PortStore, simulatedDialect } = image.program;
  const pool = new Pool(process, new Network(world, server, choices), 2);
  const adapterName = kind === "postgresql" ? "@prisma/adapter-pg" : "one by one";
  const prisma = new Prisma(pool, adapterName, { timeout: 5_000, maxWait: 2_000 });
  const store = new PortStore(prisma, simulatedDialect(kind), undefined) as unknown as Store<never>;
  return async (ask: Ask): Promise<unknown> => {
    let answer: { readonly value: unknown } | undefined;
    const forget = keepContexts();
    try {
      void ask(store).then((value) => {
        answer = { value };
        return answer;
      });
      await world.run(() => answer !== undefined, world.now + 360_000);
    } finally {
      forget();
    }
    return answer?.value;
  };
}

describe.each(databases)("a simulated database and $name", ({ open }) => {
  it.each<Kind>(["postgresql", "one by one", "cluster"])(
    `of kind %s answer one caller after another alike (CHAOS_SEED=${SEED})`,
    async (kind) => {
      await using db = await open();
      const real = createPrismaStore({ prisma: db.prisma }) as unknown as Store<never>;
      const ask = await simulated(kind);
      for (let history = 0; history < times({ short: 12, long: 200 }); history += 1) {
        const id = `${kind} ${history}`;
        const told: string[] = [];
        for (let call = 0; call < 12; call += 1) {
          const seed = `${id} ${call}`;
          const [name, inReality] = askOf(new Choices(SEED, seed), id);
          const [, inSimulation] = askOf(new Choices(SEED, seed), id);
          const answer = await inReality(real);
          // A database rounds its times to milliseconds: what is over from now on is so a little later.
          await sleep(2);
          told.push(`${name} -> ${JSON.stringify(answer)}`);
          const simulatedAnswer = JSON.stringify(await ask(inSimulation));
          expect([...told, simulatedAnswer]).toEqual([...told, JSON.stringify(answer)]);
        }
      }
    },
  );
});
