import { type AnyIdempotencyError, isIdempotencyError } from "../../src/core/contract/errors/errors.ts";
import type { RunRequest } from "../../src/core/contract/idempotency.ts";
import type { RunOptions } from "../../src/core/contract/options/options.ts";
import { defaultsOver } from "../../src/core/contract/options/options.ts";
import { type PreparedRun, prepareRun } from "../../src/core/request/prepare.ts";
import { createIdempotency } from "../../src/create-idempotency.ts";
import type { TestClient } from "./clients.ts";
import type { TestDatabase } from "./database.ts";

export const idempotencyOf = (prisma: TestClient, options: RunOptions = {}) =>
  createIdempotency({ prisma, ...options });

/** A request of user "u" for the operation "orders.place". */
export const request = (key: string, more: object = {}) => ({
  operation: "orders.place",
  scope: "u",
  key,
  ...more,
});

/** That request, as it is once it has passed every check. `more`: parts of it, and options. */
export const preparedWith = (more: Partial<RunRequest> = {}): Promise<PreparedRun> =>
  prepareRun(request("k", more), defaultsOver({ timeoutMs: 5_000 }));

/** What an order in the tests' schema needs. */
export const orderOf = (key: string) => ({
  key,
  customer: "u",
  item: "book",
  quantity: 2,
  total: "12.50",
  big: 2n ** 60n,
});

type OrderWriter = Pick<TestClient, "order">;

/** A handler that places an order, and how often it ran. */
export function placing(key: string, wait: () => unknown = () => undefined) {
  const place = async ({ tx }: { tx: OrderWriter }) => {
    place.runs += 1;
    const order = await tx.order.create({ data: orderOf(key) });
    await wait();
    return order;
  };
  place.runs = 0;
  return place;
}

/** The library's own error that `work` ends in. Any other end fails the test. */
export async function failureOf(work: Promise<unknown>): Promise<AnyIdempotencyError> {
  const end: unknown = await work.then(
    (value) => ({ resolvedWith: value }),
    (error: unknown) => error,
  );
  if (isIdempotencyError(end)) return end;
  throw new Error("expected an IdempotencyError", { cause: end });
}

/** Tables `parent`, with the row 1, and `child`, whose reference to it is checked at COMMIT. */
export async function createDeferred(db: TestDatabase): Promise<void> {
  await db.query("CREATE TABLE parent (id int PRIMARY KEY)");
  await db.query("CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)");
  await db.query("INSERT INTO parent VALUES (1)");
}

/** A door that a handler waits at, and that tells when one stands there. */
export function door() {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  let arrive!: () => void;
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const wait = () => {
    arrive();
    return opened;
  };
  return { wait, arrived, open };
}

/** A run of the key "k" that has placed its order and stands at the door. */
export async function underWay(idempotency: ReturnType<typeof idempotencyOf>) {
  const { wait, arrived, open: openDoor } = door();
  const place = placing("k", wait);
  const first = idempotency.run(request("k"), place);
  await arrived;
  return { place, first, openDoor };
}

/** The records as they stand in the table, of a schema that maps nothing. */
export const records = (db: TestDatabase) => db.query("SELECT * FROM idempotency_record ORDER BY key");

/** Lets the retention of all records, or of one, be over, by the clock of the database. */
export async function expire(db: TestDatabase, key = "%"): Promise<void> {
  const past =
    db.provider === "sqlite"
      ? "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '-1 seconds')"
      : db.provider === "mariadb"
        ? "UTC_TIMESTAMP(3) - INTERVAL 1 SECOND"
        : "now() - interval '1 s'";
  await db.query(`UPDATE idempotency_record SET expires_at = ${past} WHERE key LIKE ${db.placeholder(1)}`, [
    key,
  ]);
}

/** Process warnings while `work` runs. */
export async function warningsDuring(work: () => Promise<unknown>): Promise<Error[]> {
  const warnings: Error[] = [];
  const collect = (warning: Error) => warnings.push(warning);
  // Node tells of a warning in a later turn: that of the test before would be one of ours.
  await new Promise((resolve) => setImmediate(resolve));
  process.on("warning", collect);
  try {
    await work();
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off("warning", collect);
  }
  return warnings;
}

/** A client whose private fields are others to those who look: as a later Prisma may have them. */
export function pretending(client: TestClient, fields: Readonly<Record<string, unknown>>): TestClient {
  return new Proxy(client, {
    get(target, name) {
      const value: unknown = Object.hasOwn(fields, name) ? fields[String(name)] : Reflect.get(target, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

/** Whether the tests run with Prisma 6 (see test/compat). */
export const isPrisma6 = (client: TestClient): boolean =>
  String(Reflect.get(client, "_clientVersion")).startsWith("6.");
