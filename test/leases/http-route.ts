/** A route that charges at an outside service and writes an order, for the tests of leases over HTTP. */
import { post } from "../../examples/payments/app/post.ts";
import { idempotencyOver } from "../../src/core/create.ts";
import { withIdempotency } from "../../src/http/index.ts";
import { createPrismaStore } from "../../src/prisma/create-store.ts";
import type { TestClient } from "../support/clients.ts";
import { type LeaseHit, type LeasePoint, withLeasePoints } from "../support/lease-points.ts";

/** Where the route can be stopped, in the order in which it comes by. */
export const ROUTE_POINTS = [
  "before the claim",
  "after the claim",
  "before the call of charge",
  "after the call of charge",
  "before charge is recorded",
  "after charge is recorded",
  "after the row of order, before COMMIT",
  "after COMMIT of order",
  "before the result is stored",
  "after the result is stored",
] as const satisfies readonly LeasePoint[];

export interface RouteOptions {
  prisma: TestClient;
  /** Names the executor, in its answer. */
  by: string;
  /** The URL of the outside service. */
  service: string;
  hit?: LeaseHit;
}

export function openRoute({ prisma, by, service, hit = () => {} }: RouteOptions) {
  const store = withLeasePoints(createPrismaStore({ prisma }), hit);
  const idempotency = idempotencyOver(store, { storeInput: true, waitMs: 60_000 });
  const pay = withIdempotency(
    {
      idempotency,
      mode: "lease",
      operation: "POST /payments",
      scope: (request) => request.headers.get("x-user"),
      requestHeaders: ["x-user"],
    },
    async (request, { key = "", step, transaction }) => {
      const { reference } = (await request.json()) as { reference: string };
      const customer = request.headers.get("x-user") ?? "";
      const charge = await step("charge", async (given) => {
        await hit("before the call of charge", key);
        const id = await post(`${service}/charges`, given, { reference });
        await hit("after the call of charge", key);
        return id;
      });
      const order = await transaction("order", async ({ tx }) => {
        const data = { key: reference, customer, item: charge, quantity: 1, total: "1", big: 1n };
        const { id } = await tx.order.create({ data });
        return id;
      });
      return Response.json({ charge, order, by }, { status: 201, headers: { location: `/orders/${order}` } });
    },
  );
  return { idempotency, pay };
}

/** A request as a client sends it, and again after a crash. */
export function paymentOf(url: string, key: string): Request {
  return new Request(`${url}/payments`, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": `"${key}"`, "x-user": "ada" },
    body: JSON.stringify({ reference: key }),
  });
}
