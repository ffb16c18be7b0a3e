/** What a process of the application has, whatever its mutations are reached by. */
import { randomUUID } from "node:crypto";
import { post } from "../../../examples/payments/app/post.ts";
import { createIdempotency, type Idempotency } from "../../../src/index.ts";
import { type ClientTarget, connect } from "../../support/clients.ts";
import type { Tx } from "../../support/shop.ts";
import type { Charge } from "./mutations.ts";

export interface ApplicationData {
  readonly target: ClientTarget;
  /** Options of the driver's pool (MariaDB). */
  readonly pool: Readonly<Record<string, unknown>>;
  /** Names the process, in what it writes. */
  readonly by: string;
  /** The URL of the outside service. */
  readonly service: string;
}

export interface Application {
  readonly idempotency: Idempotency<Tx>;
  readonly by: string;
  readonly charge: Charge;
  /** Tells the service that a mutation is committed. Nobody hears of it if that fails. */
  tellCommitted(intent: string): void;
}

/** Short, so that takeovers are many. */
const LEASE_MS = 4_000;

export async function openApplication(data: ApplicationData): Promise<Application> {
  const { target, pool, by, service } = data;
  const prisma = await connect(target, { max: 8, pool });
  return {
    idempotency: createIdempotency({
      prisma,
      storeInput: true,
      leaseMs: LEASE_MS,
      outageMs: 10_000,
      transaction: { timeoutMs: LEASE_MS, maxWaitMs: LEASE_MS },
    }),
    by,
    charge: (intent, step) => post(`${service}/charges`, step, { reference: intent }),
    tellCommitted(intent) {
      const told = { key: randomUUID(), signal: AbortSignal.timeout(60_000) };
      post(`${service}/committed`, told, { reference: intent }).catch(() => {});
    },
  };
}
