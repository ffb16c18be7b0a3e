/** In a Next.js application this is `app/accounts/[id]/deposits/route.ts`. */
import { withIdempotency } from "onceonly/http";
import { idempotency } from "../database/index.ts";

/** What Next.js passes beside the request. */
interface RouteContext {
  readonly params: Promise<{ readonly id: string }>;
}

export const POST = withIdempotency(
  {
    idempotency,
    scope: (request) => request.headers.get("x-user"), // your own authentication
    operation: "POST /accounts/:id/deposits",
  },
  async (request: Request, { tx }, { params }: RouteContext) => {
    const { id } = await params;
    const { cents } = (await request.json()) as { cents: number };
    const { count } = await tx.account.updateMany({ where: { id }, data: { balance: { increment: cents } } });
    return count === 0
      ? Response.json({ error: "no such account" }, { status: 404 })
      : Response.json({ id, deposited: cents });
  },
);
