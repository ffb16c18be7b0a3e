import { createIdempotency } from "../../src/create-idempotency.ts";
import { withAmbientTransaction } from "../../src/prisma/handler/ambient.ts";
import type { TestClient } from "../support/clients.ts";

/** What a handler throws to have everything undone. */
export class Undo extends Error {}

export const undo = (): Promise<never> => Promise.reject(new Undo());

/** An application: a client that its services import, and its runs. What escapes the transaction is an error. */
export function application(client: TestClient) {
  const prisma = withAmbientTransaction(client);
  return { prisma, idempotency: createIdempotency({ prisma, guard: "throw" }) };
}

export const account = (id: string, balance = 1) => ({ data: { id, balance } });
