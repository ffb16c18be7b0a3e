/** A node that the others cannot reach, though its clients can: it must not take what the others will not have. */
import { afterEach, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { failureOf, idempotencyOf, request } from "../../support/runs.ts";
import { theCluster } from "./cluster.ts";
import { callOn, codesOf, newLoad, placing, storedOn } from "./load.ts";

const CUT = 2;
const CALLERS = 9;
const QUICK = { pool: { acquireTimeout: 2_000, connectTimeout: 2_000 } };
const cluster = await theCluster();

afterEach(async () => {
  await cluster.heal(CUT);
});

/** Galera has given up on the others. */
const untilAlone = async (db: Awaited<ReturnType<typeof cluster.open>>) => {
  const [client] = db.clients.slice(CUT);
  await eventually(async () => {
    const rows = await client?.$queryRawUnsafe<{ Value: string }[]>(
      "SHOW STATUS LIKE 'wsrep_cluster_status'",
    );
    expect(rows?.[0]?.Value).toBe("non-Primary");
  });
};

it("runs on it wait until it is back, those in their COMMIT too, and what was acknowledged is on all nodes", async () => {
  await using db = await cluster.open(QUICK);
  const nodes = db.clients.map((client) => idempotencyOf(client));
  const load = newLoad();
  let isOver = false;
  const callers = Array.from({ length: CALLERS }, (_, n) =>
    callOn([nodes[n % 3]!], { at: 0, name: `caller${n}`, goesOn: () => !isOver }, load),
  );
  const of = (n: number) => [...load.acknowledged.keys()].filter((key) => Number(key[6]) % 3 === n).length;
  await eventually(() => expect(Math.min(of(0), of(1), of(2))).toBeGreaterThan(20));
  await cluster.cut(CUT);
  await untilAlone(db);
  const [alone, others] = [of(CUT), of(0)];
  await eventually(() => expect(of(0)).toBeGreaterThan(others + 20));
  expect(of(CUT)).toBe(alone);
  await cluster.heal(CUT);
  await eventually(() => expect(of(CUT)).toBeGreaterThan(alone + 20));
  isOver = true;
  await Promise.all(callers);

  // Handlers that were under way there, which nobody has repeated.
  expect(load.failures.length).toBeLessThanOrEqual(CALLERS / 3);
  expect(["", "STORE_UNAVAILABLE"]).toContain(codesOf(load.failures).join());
  const keys = [...load.acknowledged.keys()].toSorted();
  for (const node of nodes.keys()) {
    const { orders, count, records } = await storedOn(db, node);
    expect([count, orders]).toEqual([keys.length, load.acknowledged]);
    expect(records).toEqual(keys);
  }
});

it("a run that does not wait is told so, in words that have it repeated, and another node executes it", async () => {
  await using db = await cluster.open(QUICK);
  const nodes = db.clients.map((client) => idempotencyOf(client, { outageMs: 500 }));
  await nodes[CUT]?.run(request("before"), placing("before"));
  await cluster.cut(CUT);
  // Whether Galera has noticed already or not.
  const atOnce = nodes[CUT]?.run(request("k"), placing("k"));
  expect(await failureOf(atOnce!)).toMatchObject({ code: "STORE_UNAVAILABLE" });
  await untilAlone(db);
  const fresh = idempotencyOf(await db.connect(CUT));
  for (const idempotency of [nodes[CUT]!, fresh]) {
    expect(await failureOf(idempotency.run(request("k"), placing("k")))).toMatchObject({
      code: "STORE_UNAVAILABLE",
    });
    const leased = idempotency.runLeased(request("leased"), async ({ transaction }) =>
      transaction("t", placing("leased")),
    );
    expect(await failureOf(leased)).toMatchObject({ code: "STORE_UNAVAILABLE" });
  }
  const told = await nodes[0]!.run(request("k"), placing("k"));
  await cluster.heal(CUT);
  await eventually(async () =>
    expect(await nodes[CUT]?.run(request("k"), placing("k"))).toEqual({ ...told, replayed: true }),
  );
  const { orders } = await storedOn(db, CUT);
  expect([...orders.keys()].toSorted()).toEqual(["before", "k"]);
});
