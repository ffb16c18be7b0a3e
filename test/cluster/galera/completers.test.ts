/** Completers on three nodes: SKIP LOCKED does not reach from one to another. */
import { expect, it } from "vitest";
import { createCompleter } from "../../../src/core/lease/completer.ts";
import { idempotencyOf, request } from "../../support/runs.ts";
import { theCluster } from "./cluster.ts";
import { eachOf, keysOf, placing } from "./load.ts";

const RUNS = 90;

class Gone extends Error {}

it.each([
  ["the default protocol", {}],
  ["the text protocol", { adapter: { useTextProtocol: true } }],
])("complete each abandoned run once, with %s", async (_, options) => {
  const cluster = await theCluster();
  await using db = await cluster.open(options);
  const nodes = db.clients.map((client) => idempotencyOf(client, { storeInput: true }));
  const executions: string[] = [];
  await eachOf(keysOf(RUNS), async (key) => {
    const run = nodes[executions.length % 3]?.runLeased(request(key, { input: key }), async ({ step }) => {
      await step("before", () => executions.push(`before ${key}`));
      throw new Gone();
    });
    await expect(run).rejects.toThrow(Gone);
  });
  await db.query("UPDATE idempotency_record SET locked_until = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND");

  const claimed = await Promise.all(
    nodes.map((idempotency) =>
      createCompleter({
        idempotency,
        handlers: {
          "orders.place": async ({ step, transaction }, key: string) => {
            await step("before", () => executions.push(`before ${key}`));
            await step("after", () => executions.push(`after ${key}`));
            return transaction("book", placing(key));
          },
        },
        concurrency: 5,
      }).runOnce(),
    ),
  );
  const expected = keysOf(RUNS).flatMap((key) => [`after ${key}`, `before ${key}`]);
  expect(executions.toSorted()).toEqual(expected.toSorted());
  expect(claimed.reduce((sum, count) => sum + count)).toBe(RUNS);
  // One alone would show nothing.
  expect(claimed.filter((count) => count > 0)).toHaveLength(3);
  expect(await db.query("SELECT COUNT(*) AS n, COUNT(DISTINCT `key`) AS of FROM `Order`", 1)).toEqual([
    { n: RUNS, of: RUNS },
  ]);
  expect(
    await db.query("SELECT status, attempt, COUNT(*) AS n FROM idempotency_record GROUP BY 1, 2", 2),
  ).toEqual([{ status: "completed", attempt: 2, n: RUNS }]);
});
