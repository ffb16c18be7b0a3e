/** A year of honest traffic: requests that come again are replayed, however they are written; changed ones never are. */
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SEED } from "../chaos/seeded.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { times } from "../support/scale.ts";
import { spawnWorker, type Worker } from "../support/worker.ts";
import { calls, changesOfCall } from "./traffic/requests.ts";
import { type Reply, send } from "./traffic/sending.ts";
import type { Ready } from "./traffic/server.ts";

const numRuns = times({ short: 20, long: 1_000 });
type Sender = () => Promise<Reply>;

const style = fc.noShrink(fc.integer());

describe.each(databases)("requests to two processes on $name", ({ name, open }) => {
  let db: TestDatabase;
  let servers: Worker<Ready, never>[];
  let one: string;
  let other: string;
  beforeAll(async () => {
    db = await open();
    const script = new URL("traffic/process.ts", import.meta.url);
    servers = [0, 1].map(() => spawnWorker<Ready>(script, { provider: name, url: db.url }));
    const [first, second] = await Promise.all(servers.map((server) => server.waitFor("ready")));
    one = first?.origin ?? "";
    other = second?.origin ?? "";
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.kill()));
    await db[Symbol.asyncDispose]();
  });

  const shown = ({ status, outcome, replayed, data }: Reply) => ({
    status,
    outcome,
    replayed,
    // What went wrong.
    ...(status === 200 || status === 422 ? {} : { data }),
  });
  const executed = { status: 200, outcome: "stored", replayed: false };
  const replayed = { ...executed, replayed: true };
  const refused = { status: 422, outcome: "refused", replayed: false };

  test(`sent three times, any request is executed once and replayed twice (CHAOS_SEED=${SEED})`, async () => {
    const property = fc.asyncProperty(
      calls,
      fc.tuple(style, style, style),
      fc.boolean(),
      async (call, styles, atOnce) => {
        const key = randomUUID();
        const [first, second, third] = [one, other, one].map(
          (origin, turn) => () => send(origin, call, key, styles[turn] ?? 0),
        ) as [Sender, Sender, Sender];
        const replies = atOnce
          ? await Promise.all([first(), second(), third()])
          : [await first(), await second(), await third()];
        const byTurn = atOnce ? replies.toSorted((a, b) => Number(a.replayed) - Number(b.replayed)) : replies;
        expect(byTurn.map(shown)).toEqual([executed, replayed, replayed]);
        expect(new Set(replies.map(({ data }) => data)).size).toBe(1);
        expect(await db.countOrders({ key })).toBe(1);
      },
    );
    await fc.assert(property, { numRuns, seed: SEED });
  });

  test(`changed in one place, any request is refused (CHAOS_SEED=${SEED})`, async () => {
    const nths = fc.uniqueArray(fc.noShrink(fc.nat()), { minLength: 3, maxLength: 3 });
    const property = fc.asyncProperty(calls, nths, style, async (call, places, written) => {
      const changes = changesOfCall(call);
      const key = randomUUID();
      expect(shown(await send(one, call, key, written))).toEqual(executed);
      for (const place of places) {
        const changed = changes[place % changes.length]?.() ?? call;
        const reply = await send(place % 2 === 0 ? one : other, changed, key, place);
        expect({ ...shown(reply), changed }).toEqual({ ...refused, changed });
      }
      expect(await db.countOrders({ key })).toBe(1);
    });
    await fc.assert(property, { numRuns, seed: SEED });
  });
});
