import { createServerAdapter } from "@whatwg-node/server";
import { withIdempotency } from "../../../src/http/index.ts";
import type { Application } from "./application.ts";
import { pay, place, SoldOut, type Wanted } from "./mutations.ts";

/** 410 Gone: an expected error, which is stored. */
async function answerOf(work: Promise<unknown>): Promise<Response> {
  try {
    return Response.json(await work, { status: 201 });
  } catch (error) {
    if (error instanceof SoldOut) return Response.json({ error: error.message }, { status: 410 });
    throw error;
  }
}

export function httpOf({ idempotency, by, charge, tellCommitted }: Application) {
  const common = { idempotency, scope: () => "http" };
  const wantedOf = (request: Request) => request.json() as Promise<Wanted>;
  const handlers: Record<string, (request: Request) => Promise<Response>> = {
    "/orders": withIdempotency(common, async (request, { tx, afterCommit }) => {
      const wanted = await wantedOf(request);
      afterCommit?.(() => tellCommitted(wanted.intent));
      return answerOf(place(tx, wanted, by));
    }),
    "/payments": withIdempotency(
      { ...common, mode: "lease", operation: "POST /payments" },
      async (request, context) => answerOf(pay(context, await wantedOf(request), by, charge)),
    ),
  };
  return createServerAdapter(
    (request: Request) =>
      handlers[new URL(request.url).pathname]?.(request) ?? new Response(null, { status: 404 }),
  );
}
