import type { Context } from "hono";
import { withIdempotency } from "../../src/http/index.ts";
import { createIdempotency } from "../../src/index.ts";
import type { TestClient } from "../support/clients.ts";

interface NextRequest extends Request {
  readonly nextUrl: URL;
}
interface RouteContext {
  readonly params: Promise<{ readonly id: string }>;
}
type Fetch = (request: Request) => Promise<Response>;
type Route = (request: NextRequest, context: RouteContext) => Promise<Response>;

declare const prisma: TestClient;
const idempotency = createIdempotency({ prisma });

const plain = withIdempotency({ idempotency, scope: (request) => request.url }, async (request, { tx }) =>
  Response.json([await tx.order.count(), request.url]),
);
const honoHandler = withIdempotency(
  { idempotency, scope: (_, c: Context) => c.req.url },
  async (_, { tx }, c: Context) => c.json(await tx.order.count()),
);
const route = withIdempotency(
  { idempotency, scope: (request: NextRequest) => request.nextUrl.host },
  async (request, { key }, { params }: RouteContext) =>
    Response.json([request.nextUrl.pathname, key, (await params).id]),
);

// A handler that uses the request alone serves any framework.
plain satisfies Fetch;
plain satisfies Route;
route satisfies Route;
honoHandler satisfies (request: Request, c: Context) => Promise<Response>;

// @ts-expect-error The framework's argument is missing.
void route(new Request("http://test") as NextRequest);
// @ts-expect-error The type of the transaction follows the client.
withIdempotency({ idempotency, scope: "global" }, async (_, { tx }) => Response.json(tx.noSuchModel));
// @ts-expect-error A handler returns a Response.
withIdempotency({ idempotency, scope: "global" }, async () => ({ status: 200 }));
