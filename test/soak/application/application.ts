/** What a process of the application has, whatever its mutations are reached by. */
import { createIdempotency, type Idempotency } from "../../../src/index.ts";
import { type ClientTarget, connect } from "../../support/clients.ts";
import type { Tx } from "../../support/shop.ts";

export interface ApplicationData {
  readonly target: ClientTarget;
  /** Options of the driver's pool (MariaDB). */
  readonly pool: Readonly<Record<string, unknown>>;
  /** Names the process, in what it writes. */
  readonly by: string;
  readonly providerUrl: string;
}

export interface Application {
  readonly idempotency: Idempotency<Tx>;
  readonly by: string;
  /** Asks the provider for something under a key. @throws whatever is not a success. */
  charge(key: string, intent: string, signal: AbortSignal): Promise<string>;
  /** Tells the provider that a mutation is committed. Nobody hears of it if that fails. */
  tellCommitted(intent: string): void;
}

/** Short, so that takeovers are many. */
const LEASE_MS = 4_000;

export async function openApplication(data: ApplicationData): Promise<Application> {
  const { target, pool, by, providerUrl } = data;
  const prisma = await connect(target, { max: 8, pool });
  const post = async (path: string, headers: Record<string, string>, body: string, signal?: AbortSignal) => {
    const response = await fetch(providerUrl + path, {
      method: "POST",
      headers,
      body,
      signal: signal ?? null,
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`the provider answered ${response.status}`);
    return text;
  };
  return {
    idempotency: createIdempotency({
      prisma,
      storeInput: true,
      leaseMs: LEASE_MS,
      outageMs: 10_000,
      transaction: { timeoutMs: LEASE_MS, maxWaitMs: LEASE_MS },
    }),
    by,
    charge: (key, intent, signal) => post("/charges", { "Idempotency-Key": key }, intent, signal),
    tellCommitted(intent) {
      post("/committed", {}, intent).catch(() => {});
    },
  };
}
