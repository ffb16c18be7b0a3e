/** What one node has committed, others show later, unless their sessions wait for it. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { idempotencyOf, request } from "../../support/runs.ts";
import { type ClusterDatabase, theCluster } from "./cluster.ts";
import { keysOf, placing } from "./load.ts";

const KEYS = 150;
const AS_IT_COMES = { pool: { initSql: undefined } };
const cluster = await theCluster();

/** Runs each key on one node and, once that has committed, on another, while the third keeps them busy. */
async function executionsIn(db: ClusterDatabase): Promise<{ executions: number; replays: number }> {
  const [first, second, busy] = db.clients;
  if (first === undefined || second === undefined || busy === undefined) throw new Error("no nodes");
  const runs = [first, second].map((client) => idempotencyOf(client));
  const over = new AbortController();
  const filling = (async () => {
    for (let n = 0; !over.signal.aborted; n += 1) {
      const data = Array.from({ length: 200 }, (_, i) => ({ id: `filler-${n}-${i}`, balance: 0 }));
      await busy.account.createMany({ data });
      await sleep(5);
    }
  })();
  let executions = 0;
  let replays = 0;
  for (const key of keysOf(KEYS)) {
    const answers = [];
    for (const idempotency of runs) {
      answers.push(
        await idempotency.run(request(key), async (context) => {
          executions += 1;
          return placing(key)(context);
        }),
      );
    }
    expect(answers[1]?.value).toBe(answers[0]?.value);
    replays += answers[1]?.replayed === true ? 1 : 0;
  }
  over.abort();
  await filling;
  expect(await db.query("SELECT COUNT(*) AS n FROM `Order`", 2)).toEqual([{ n: KEYS }]);
  return { executions, replays };
}

describe("right after COMMIT on another node", () => {
  it("a run is replayed, and its handler is not executed, with wsrep_sync_wait from the pool's set-up", async () => {
    await using db = await cluster.open();
    expect(await executionsIn(db)).toEqual({ executions: KEYS, replays: KEYS });
    for (const client of db.clients) expect(await idempotencyOf(client).check()).toEqual([]);
  });

  it("a run is replayed without as well, perhaps after its handler was executed and undone, and check() says so", async () => {
    await using db = await cluster.open(AS_IT_COMES);
    expect((await executionsIn(db)).replays).toBe(KEYS);
    for (const client of db.clients) {
      expect(await idempotencyOf(client).check()).toEqual([
        expect.objectContaining({ severity: "warning", subject: "wsrep_sync_wait of the sessions" }),
      ]);
    }
  });
});
