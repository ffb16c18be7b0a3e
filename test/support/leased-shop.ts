/** The application of the tests of leases: three calls of an outside service, and two transactions between them. */
import { post } from "../../examples/payments/app/post.ts";
import type { Service } from "../../examples/payments/service.ts";
import type { Idempotency, LeaseContext } from "../../src/core/contract/idempotency.ts";
import type { RunOptions } from "../../src/core/contract/options/options.ts";
import { idempotencyOver } from "../../src/core/create.ts";
import { createPrismaStore } from "../../src/prisma/create-store.ts";
import type { TestClient } from "./clients.ts";
import type { TestDatabase } from "./database.ts";
import { type LeaseHit, withLeasePoints } from "./lease-points.ts";
import type { Tx } from "./shop.ts";

/** What the mutation answers: what the service made, the rows that were written, and who came to the end. */
export interface LeasedAnswer {
  key: string;
  charge: string;
  order: string;
  shipment: string;
  label: string;
  receipt: string;
  by: string;
  replayed: boolean;
}

export interface LeasedShopOptions {
  prisma: TestClient;
  /** Names the executor, in the rows it writes. */
  by: string;
  /** The URL of the outside service. */
  service: string;
  hit?: LeaseHit;
  /** Told when the signal of a run is aborted. */
  onAbort?: (key: string, reason: unknown) => void;
  run?: RunOptions;
}

export interface LeasedShop {
  idempotency: Idempotency<Tx>;
  place(key: string, options?: RunOptions): Promise<LeasedAnswer>;
  /** For `createCompleter`. */
  handlers: {
    "orders.place": (context: LeaseContext<Tx>, input: { reference: string }) => Promise<object>;
  };
}

export function openLeasedShop(options: LeasedShopOptions): LeasedShop {
  const { prisma, by, service, hit = () => {}, onAbort = () => {}, run } = options;
  const store = withLeasePoints(createPrismaStore({ prisma }), hit);
  const idempotency = idempotencyOver(store, { storeInput: true, ...run });

  async function place(context: LeaseContext<Tx>, reference: string) {
    const { key, signal, step, transaction } = context;
    signal.addEventListener("abort", () => onAbort(key, signal.reason));
    const call = (name: "charge" | "ship" | "receipt", path: string) =>
      step(name, async (given) => {
        await hit(`before the call of ${name}`, key);
        const id = await post(`${service}/${path}`, given, { reference });
        await hit(`after the call of ${name}`, key);
        return id;
      });
    const write = (name: "order" | "label") =>
      transaction(name, async ({ tx }) => {
        await hit(`before the writes of ${name}`, key);
        const id = await writeBoth(tx, { key: reference, by, item: name });
        await hit(`after the writes of ${name}`, key);
        return id;
      });
    return {
      charge: await call("charge", "charges"),
      order: await write("order"),
      shipment: await call("ship", "shipments"),
      label: await write("label"),
      receipt: await call("receipt", "receipts"),
      by,
    };
  }

  return {
    idempotency,
    async place(key, more) {
      const input = { reference: key };
      const request = { operation: "orders.place", scope: "u", key, input, ...more };
      const { value, replayed } = await idempotency.runLeased(request, (context) => place(context, key));
      return { ...value, key, replayed };
    },
    handlers: { "orders.place": (context, { reference }) => place(context, reference) },
  };
}

/** Two rows: seen together or not at all. */
async function writeBoth(tx: Tx, { key, by, item }: { key: string; by: string; item: string }) {
  const data = { key, customer: by, item, quantity: 1, total: "12.50", big: 1n };
  const { id } = await tx.order.create({ data });
  await tx.account.create({ data: { id, balance: 1 } });
  return id;
}

/** Lets all leases run out, without waiting for it. */
export async function lapse(database: TestDatabase): Promise<void> {
  await database.query(
    "UPDATE idempotency_record SET locked_until = '2000-01-01T00:00:00.000+00:00' WHERE status = 'in_progress'",
  );
}

/** What stands in the database and at the service for the keys of these answers, beside what the answers say. */
export async function comparedWith(
  database: TestDatabase,
  service: Service,
  answers: readonly LeasedAnswer[],
): Promise<{ found: Found; expected: Found }> {
  const rows = await database.query(
    `SELECT o.id, o.key, o.item FROM "Order" AS o JOIN "Account" AS a ON a.id = o.id`,
  );
  const records = await database.query("SELECT key, status FROM idempotency_record");
  const accounts = await database.query(`SELECT id FROM "Account"`);
  return {
    found: {
      rows: rows.map(({ key, item, id }) => `${String(key)}: ${String(item)} ${String(id)}`).sort(),
      accounts: accounts.length,
      effects: service.effects.map(({ kind, id, body }) => `${body.reference}: ${kind} ${id}`).sort(),
      records: records.map(({ key, status }) => `${String(key)}: ${String(status)}`).sort(),
    },
    expected: {
      rows: answers
        .flatMap(({ key, order, label }) => [`${key}: order ${order}`, `${key}: label ${label}`])
        .sort(),
      accounts: 2 * answers.length,
      effects: answers
        .flatMap(({ key, charge, shipment, receipt }) => [
          `${key}: charges ${charge}`,
          `${key}: shipments ${shipment}`,
          `${key}: receipts ${receipt}`,
        ])
        .sort(),
      records: answers.map(({ key }) => `${key}: completed`).sort(),
    },
  };
}

interface Found {
  rows: string[];
  accounts: number;
  effects: string[];
  records: string[];
}
