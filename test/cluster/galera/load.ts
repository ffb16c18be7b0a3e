/** What the tests have callers on several nodes do. */
import { isIdempotencyError } from "../../../src/core/contract/errors/errors.ts";
import type { TestClient } from "../../support/clients.ts";
import { type idempotencyOf, orderOf, request } from "../../support/runs.ts";
import type { ClusterDatabase } from "./cluster.ts";

export type Tx = Pick<TestClient, "order" | "account" | "$executeRawUnsafe">;

type Idempotency = ReturnType<typeof idempotencyOf>;

export const keysOf = (count: number, prefix = "k"): string[] =>
  Array.from({ length: count }, (_, n) => `${prefix}${n}`);

/** Calls `work` for each key, some keys at a time. */
export async function eachOf(keys: readonly string[], work: (key: string) => Promise<void>): Promise<void> {
  const left = [...keys];
  const next = async (): Promise<void> => {
    for (let key = left.shift(); key !== undefined; key = left.shift()) await work(key);
  };
  await Promise.all(Array.from({ length: 5 }, next));
}

/** A session of a pool as it was before any run. */
const SETTINGS = "ON 0 50 0.000000";

/** Looks at what runs may have left behind in the sessions of the pools. */
export async function throwIfChanged({ clients }: ClusterDatabase): Promise<void> {
  const seen = await Promise.all(
    clients.flatMap((client) =>
      Array.from({ length: 10 }, () =>
        client.$queryRawUnsafe<{ settings: string }[]>(
          `SELECT CONCAT_WS(' ', @@autocommit, @@in_transaction, @@innodb_lock_wait_timeout, @@max_statement_time) AS settings,
             SLEEP(0.05) AS slept`,
        ),
      ),
    ),
  );
  const other = seen.flat().find(({ settings }) => settings !== SETTINGS);
  if (other !== undefined) throw new Error(`a session of the pool has other settings: ${other.settings}`);
}

/** Writes an order, and answers with its id. */
export const placing =
  (key: string) =>
  async ({ tx }: { tx: Tx }): Promise<string> =>
    (await tx.order.create({ data: orderOf(key) })).id;

export interface Load {
  /** What callers were told, by key. */
  readonly acknowledged: Map<string, string>;
  /** How often they were told that they were the first to be told. */
  readonly executed: Map<string, number>;
  /** What they met on the way. */
  readonly failures: unknown[];
}

/**
 * One caller: one key after another, each repeated on the next node until it is answered, as long as `goesOn`. `at` is the node
 * that it prefers.
 */
export async function callOn(
  nodes: readonly Idempotency[],
  { at, name, goesOn }: { at: number; name: string; goesOn: () => boolean },
  load: Load,
): Promise<void> {
  let node = at;
  for (let n = 0; goesOn(); n += 1) {
    const key = `${name}-${n}`;
    for (let isAnswered = false; !isAnswered; ) {
      try {
        const { value, replayed } = await nodes[node % nodes.length]!.run(request(key), placing(key));
        load.acknowledged.set(key, value);
        if (!replayed) load.executed.set(key, (load.executed.get(key) ?? 0) + 1);
        isAnswered = true;
      } catch (error) {
        load.failures.push(error);
        node += 1;
      }
    }
  }
}

export const newLoad = (): Load => ({ acknowledged: new Map(), executed: new Map(), failures: [] });

/** The codes of what callers met; whole errors where that is not ours. */
export const codesOf = (failures: readonly unknown[]): unknown[] => [
  ...new Set(failures.map((error) => (isIdempotencyError(error) ? error.code : error))),
];

/** What a node has, to be compared with what callers were told: the orders of each key, and the finished records. */
export async function storedOn(db: ClusterDatabase, node: number) {
  const orders = await db.query<{ id: string; key: string }>("SELECT id, `key` FROM `Order`", node);
  const records = await db.query<{ key: string }>(
    "SELECT `key` FROM idempotency_record WHERE status = 'completed'",
    node,
  );
  return {
    orders: new Map(orders.map(({ id, key }) => [key, id])),
    count: orders.length,
    records: records.map(({ key }) => key).toSorted(),
  };
}
