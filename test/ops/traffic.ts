/** All that can happen to calls, once each: what the dashboard shows and the rules watch. */
import { createClient } from "@libsql/client";
import { createCompleter } from "../../src/index.ts";
import { lapse } from "../leases/helpers.ts";
import type { TestClient } from "../support/clients.ts";
import type { TestDatabase } from "../support/database.ts";
import { door, expire, idempotencyOf, orderOf, placing, request } from "../support/runs.ts";

const OPERATION = "orders.place";

class OutOfStock extends Error {
  override name = "OutOfStock";
}

const failing = (error: Error) => async () => {
  throw error;
};

/** What is expected to fail. */
async function inVain(work: Promise<unknown>): Promise<void> {
  const end = await work.then(
    () => "resolved",
    () => "rejected",
  );
  if (end === "resolved") throw new Error("expected a call to fail");
}

export async function drive(db: TestDatabase): Promise<void> {
  const round = crypto.randomUUID();
  const key = (name: string) => `${name} ${round}`;
  await answers(db, key);
  await waits(db, key);
  await leases(db, key);
  await faults(db, key);
  await idempotencyOf(db.prisma).prune();
}

type Key = (name: string) => string;

async function answers({ prisma }: TestDatabase, key: Key): Promise<void> {
  const idempotency = idempotencyOf(prisma, { storeError: (error) => error instanceof OutOfStock });
  const place = () => idempotency.run(request(key("a"), { input: 1 }), placing(key("a")));
  await place();
  await place();
  await inVain(idempotency.run(request(key("a"), { input: 2 }), placing(key("a"))));
  await inVain(idempotency.run(request(key("stored")), failing(new OutOfStock("none is left"))));
  await inVain(idempotency.run(request(key("released")), failing(new RangeError("no"))));
  await idempotency.runUnkeyed(placing(key("unkeyed")));
  let attempts = 0;
  await idempotencyOf(prisma, { retryConflicts: 1 }).run(request(key("retried")), async ({ tx }) => {
    await tx.order.create({ data: orderOf(key("retried")) });
    attempts += 1;
    if (attempts === 1) throw Object.assign(new Error("write conflict"), { code: "P2034" });
  });
}

async function waits({ prisma }: TestDatabase, key: Key): Promise<void> {
  const idempotency = idempotencyOf(prisma);
  const { wait, arrived, open } = door();
  const first = idempotency.run(request(key("waits")), placing(key("waits"), wait));
  await arrived;
  const second = idempotency.run(request(key("waits")), placing(key("waits")));
  await new Promise((resolve) => setTimeout(resolve, 20));
  open();
  await Promise.all([first, second]);
}

async function leases(db: TestDatabase, key: Key): Promise<void> {
  const idempotency = idempotencyOf(db.prisma, { storeInput: true });
  // Taken over, once its first attempt has failed.
  await inVain(idempotency.runLeased(request(key("taken over")), failing(new Error("down"))));
  await idempotency.runLeased(request(key("taken over")), async () => 1);
  // Waited for in vain.
  const { wait, arrived, open } = door();
  const run = idempotency.runLeased(request(key("leased")), async () => {
    await wait();
  });
  await arrived;
  const other = idempotencyOf(db.prisma, { waitMs: 20 });
  await inVain(other.runLeased(request(key("leased")), async () => 1));
  open();
  await run;
  // Lost to another executor.
  await inVain(
    idempotency.runLeased(request(key("lost")), async ({ step }) => {
      await db.query(`UPDATE idempotency_record SET owner = 'another' WHERE key LIKE 'lost %'`);
      await step("a", () => 1);
    }),
  );
  // Given up.
  await inVain(idempotency.runLeased(request(key("given up")), failing(new Error("down"))));
  await db.query(`UPDATE idempotency_record SET attempt = 9 WHERE key LIKE 'given up %'`);
  await lapse(db);
  const handlers = { [OPERATION]: failing(new Error("down")) };
  const completer = createCompleter({ idempotency, handlers, attemptsMax: 3, onError: () => {} });
  await completer.runOnce();
}

async function faults(db: TestDatabase, key: Key): Promise<void> {
  const run = (name: string) => idempotencyOf(db.prisma).run(request(key(name)), placing(key(name)));
  await run("unreadable");
  await db.query(`UPDATE idempotency_record SET response = '?' WHERE key LIKE 'unreadable %'`);
  await inVain(run("unreadable"));
  await expire(db, "a %");

  await db.query("ALTER TABLE idempotency_record RENAME TO away");
  await inVain(run("misconfigured"));
  await inVain(idempotencyOf(db.prisma).prune());
  await db.query("ALTER TABLE away RENAME TO idempotency_record");

  await inVain(
    whileAway(db, (prisma) =>
      idempotencyOf(prisma, { outageMs: 0, waitMs: 20 }).run(request(key("away")), placing(key("away"))),
    ),
  );
}

/** A database that does not answer: SQLite is locked for longer than anybody waits, and a server is at another port. */
async function whileAway<T>(
  { provider, url, connect }: TestDatabase,
  work: (prisma: TestClient) => Promise<T>,
): Promise<T> {
  if (provider !== "sqlite") {
    const pool = { acquireTimeout: 500 };
    return work(await connect({ url: url.replace(/:\d+\//, ":1/"), maxWaitMs: 1_000, pool }));
  }
  const client = createClient({ url });
  const transaction = await client.transaction("write");
  try {
    return await work(await connect({ busyTimeoutMs: 1 }));
  } finally {
    transaction.close();
    client.close();
  }
}
