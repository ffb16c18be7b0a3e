/** What three nodes do at once: each locks for itself alone, and COMMIT tells who was first. */
import { afterEach, describe, expect, it } from "vitest";
import { idempotencyOf, orderOf, request } from "../../support/runs.ts";
import { times } from "../../support/scale.ts";
import { theCluster } from "./cluster.ts";
import { eachOf, keysOf, placing, type Tx, throwIfChanged } from "./load.ts";

const KEYS = times({ short: 250, long: 1_000 });
/** Of a test that finds in each key what the first finds in few. */
const READ_KEYS = 250;
const WRITES = 3;
const PRUNING_ROUNDS = 10;

const cluster = await theCluster();
const db = await cluster.open();
const callers = db.clients.map((client) => idempotencyOf(client));

afterEach(() => throwIfChanged(db));

const ordersOf = async (key: string) =>
  (await db.query<{ id: string }>(`SELECT id FROM \`Order\` WHERE \`key\` = '${key}' ORDER BY id`)).map(
    ({ id }) => id,
  );

describe("callers of one key on three nodes at once", () => {
  it(`get one answer, and each of ${KEYS} keys has its ${WRITES} writes and one record`, async () => {
    let executions = 0;
    await eachOf(keysOf(KEYS), async (key) => {
      const handler = async ({ tx }: { tx: Tx }) => {
        executions += 1;
        const ids: string[] = [];
        for (let n = 0; n < WRITES; n += 1) ids.push((await tx.order.create({ data: orderOf(key) })).id);
        return ids.toSorted();
      };
      const answers = await Promise.all(callers.map((idempotency) => idempotency.run(request(key), handler)));
      const stored = await ordersOf(key);
      expect(stored).toHaveLength(WRITES);
      expect(answers.map(({ value }) => value)).toEqual([stored, stored, stored]);
      expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    });
    for (const node of db.clients.keys()) {
      const [seen] = await db.query(
        `SELECT (SELECT COUNT(*) FROM \`Order\`) AS orders, COUNT(*) AS records, SUM(status = 'completed') AS completed
         FROM idempotency_record`,
        node,
      );
      expect(seen).toEqual({ orders: WRITES * KEYS, records: KEYS, completed: String(KEYS) });
    }
    // Otherwise none has lost to another node, and nothing was tested.
    expect(executions).toBeGreaterThan(1.5 * KEYS);
  });

  it("never get an error that a handler has made of rows that an abort without a word has taken from it", async () => {
    const nodes = db.clients.map((client) => idempotencyOf(client, { storeError: () => true }));
    await eachOf(keysOf(READ_KEYS, "read-"), async (key) => {
      const handler = async ({ tx }: { tx: Tx }) => {
        for (let n = 1; n <= WRITES; n += 1) {
          await tx.order.create({ data: orderOf(key) });
          if ((await tx.order.count({ where: { key } })) !== n) throw new Error("an order is missing");
        }
        return "ordered";
      };
      const answers = await Promise.all(nodes.map((idempotency) => idempotency.run(request(key), handler)));
      expect(answers.map(({ value }) => value)).toEqual(["ordered", "ordered", "ordered"]);
      expect(await ordersOf(key)).toHaveLength(WRITES);
    });
  });

  it("see the conflict where retryConflicts is 0, and nothing of theirs is left", async () => {
    const asked = db.clients.map((client) => idempotencyOf(client, { retryConflicts: 0 }));
    let conflicts = 0;
    await eachOf(keysOf(30, "asked"), async (key) => {
      const ends = await Promise.allSettled(
        asked.map((idempotency) => idempotency.run(request(key), placing(key))),
      );
      conflicts += ends.filter(({ status }) => status === "rejected").length;
      expect(await ordersOf(key)).toHaveLength(1);
    });
    expect(conflicts).toBeGreaterThan(0);
  });

  it.each([
    ["the default protocol", {}],
    ["the text protocol", { adapter: { useTextProtocol: true } }],
  ])("execute a leased run once, with %s", async (_, options) => {
    await using leased = await cluster.open(options);
    const nodes = leased.clients.map((client) => idempotencyOf(client));
    const executions = new Map<string, number>();
    await eachOf(keysOf(60), async (key) => {
      const count = () => executions.set(key, (executions.get(key) ?? 0) + 1);
      const answers = await Promise.all(
        nodes.map((idempotency) =>
          idempotency.runLeased(request(key), async ({ step, transaction }) => {
            await step("outside", count);
            return transaction("book", placing(key));
          }),
        ),
      );
      expect(new Set(answers.map(({ value }) => value)).size).toBe(1);
      expect([key, executions.get(key)]).toEqual([key, 1]);
    });
    expect(await leased.query("SELECT COUNT(*) AS n FROM `Order`")).toEqual([{ n: 60 }]);
  });
});

it("runs of different keys that change one row on three nodes all change it, and no caller sees a conflict", async () => {
  await db.query("INSERT INTO Account (id, balance) VALUES ('hot', 0)");
  const PER_NODE = 25;
  await Promise.all(
    callers.map(async (idempotency, node) => {
      for (let n = 0; n < PER_NODE; n += 1) {
        await idempotency.run(request(`hot-${node}-${n}`), async ({ tx }) => {
          await tx.account.update({ where: { id: "hot" }, data: { balance: { increment: 1 } } });
        });
      }
    }),
  );
  expect(await db.query("SELECT balance FROM Account", 2)).toEqual([{ balance: 3 * PER_NODE }]);
});

it("three nodes prune at once, and all that is expired goes", async () => {
  await callers[0]?.run(request("kept"), placing("kept"));
  // What one node selects, another may delete first: that a batch deleted less than it selected does not end the pruning.
  for (let round = 0; round < PRUNING_ROUNDS; round += 1) {
    await db.query(`INSERT INTO idempotency_record (id, scope, operation, \`key\`, fingerprint, status, owner, created_at, expires_at)
      SELECT CONCAT('${round}-', seq), 'u', 'o', CONCAT('old', seq), 'f', 'completed', 'w', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3)
      FROM seq_1_to_600`);
    await Promise.all([...callers, ...callers].map((idempotency) => idempotency.prune({ batchSize: 7 })));
    const left = await db.query("SELECT `key` FROM idempotency_record WHERE `key` LIKE 'old%'", 1);
    expect([round, left]).toEqual([round, []]);
  }
  expect(await db.query("SELECT `key` FROM idempotency_record WHERE `key` = 'kept'", 1)).toHaveLength(1);
});
