/** One handler for every framework: it takes a `Request` and returns a `Response`. */
import { withIdempotency } from "onceonly/http";
import { idempotency } from "../database/index.ts";

/** `POST /charges` with `{ "cents": 500 }`. */
export const createCharge = withIdempotency(
  {
    idempotency,
    scope: (request) => request.headers.get("x-user"), // your own authentication
    // This many duplicates of one key may wait for the request that executes; further ones get 409.
    waitersMax: 500,
  },
  async (request, { tx }) => {
    // What a body is worth is the handler's to say, also of one that is not JSON.
    const body: unknown = await request.json().catch(() => undefined);
    const { cents } = (body ?? {}) as { cents?: unknown };
    if (typeof cents !== "number" || !Number.isSafeInteger(cents) || cents <= 0) {
      return Response.json({ error: "cents must be a positive integer" }, { status: 422 });
    }
    const customer = request.headers.get("x-user") ?? "";
    // `tx` is the transaction: the charge commits together with the response below.
    const charge = await tx.charge.create({ data: { customer, cents } });
    return Response.json(charge, { status: 201, headers: { location: `/charges/${charge.id}` } });
  },
);
