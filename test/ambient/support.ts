import { createIdempotency } from "../../src/create-idempotency.ts";
import { withAmbientTransaction } from "../../src/prisma/ambient/ambient.ts";
import type { TestClient } from "../support/clients.ts";
import type { TestDatabase } from "../support/database.ts";

/** What a handler throws to have everything undone. */
export class Undo extends Error {}

export const undo = (): Promise<never> => Promise.reject(new Undo());

/** An application: a client that its services import, and its runs. What escapes the transaction is an error. */
export function application(client: TestClient) {
  const prisma = withAmbientTransaction(client);
  return { prisma, idempotency: createIdempotency({ prisma, guard: "throw" }) };
}

export const account = (id: string, balance = 1) => ({ data: { id, balance } });

/** An extension of every query, which changes nothing. It stands here so that its place is not a test's. */
export const passedOn = (client: TestClient): TestClient =>
  client.$extends({
    query: { $allModels: { $allOperations: ({ args, query }) => query(args) } },
  }) as unknown as TestClient;

/** Handlers get clients of two kinds, for one with extensions and for one without: for `it.each`. */
export const clients: [kind: string, clientOf: (client: TestClient) => TestClient][] = [
  ["without extensions", (client) => client],
  ["with an extension", passedOn],
];

/** Those that are committed. */
export async function accountIds(database: TestDatabase): Promise<unknown[]> {
  const rows = await database.query('SELECT id FROM "Account" ORDER BY id');
  return rows.map(({ id }) => id);
}
