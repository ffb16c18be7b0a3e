/** A node is killed under load, and its callers go to the next one with the same keys. */
import { expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { idempotencyOf, request } from "../../support/runs.ts";
import { theCluster } from "./cluster.ts";
import { callOn, codesOf, newLoad, placing, storedOn } from "./load.ts";

const KILLED = 2;
const CALLERS = 9;

it("loses nothing that was acknowledged, and executes nothing twice", async () => {
  const cluster = await theCluster();
  await using db = await cluster.open({ pool: { acquireTimeout: 2_000, connectTimeout: 2_000 } });
  // Who can go to another node does not wait for this one.
  const nodes = db.clients.map((client) => idempotencyOf(client, { outageMs: 500 }));
  const load = newLoad();
  let isOver = false;
  const callers = Array.from({ length: CALLERS }, (_, n) =>
    callOn(nodes, { at: n, name: `caller${n}`, goesOn: () => !isOver }, load),
  );
  const { acknowledged, executed, failures } = load;
  await eventually(() => expect(acknowledged.size).toBeGreaterThan(100));
  await cluster.kill(KILLED);
  const before = acknowledged.size;
  // Those of the killed node too, which are a third.
  await eventually(() => expect(acknowledged.size).toBeGreaterThan(before + 300));
  isOver = true;
  await Promise.all(callers);

  expect(failures.length).toBeGreaterThan(0);
  expect(codesOf(failures)).toEqual(["STORE_UNAVAILABLE"]);
  const keys = [...acknowledged.keys()].toSorted();
  for (const node of [0, 1]) {
    const { orders, count, records } = await storedOn(db, node);
    expect([count, orders]).toEqual([keys.length, acknowledged]);
    expect(records).toEqual(keys);
  }
  expect(Math.max(...executed.values())).toBe(1);

  await cluster.restart(KILLED);
  expect(await storedOn(db, KILLED)).toEqual(await storedOn(db, 0));
  const [key = "", value] = [...acknowledged].at(-1) ?? [];
  await eventually(async () =>
    expect(await nodes[KILLED]?.run(request(key), placing(key))).toEqual({ value, replayed: true }),
  );
});
