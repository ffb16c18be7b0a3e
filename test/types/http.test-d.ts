import type { Context } from "hono";
import { httpCompleter, withIdempotency } from "../../src/http/index.ts";
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

const leased = withIdempotency(
  { idempotency, mode: "lease", operation: "POST /a", scope: (request: NextRequest) => request.nextUrl.host },
  async (request, { key, step, transaction }, { params }: RouteContext) => {
    const id = await step("id", async () => (await params).id);
    const count = await transaction("count", ({ tx }) => tx.order.count());
    return Response.json([request.url, key, id.length, count.toFixed()]);
  },
);
const alone = withIdempotency(
  { idempotency, mode: "lease", operation: "POST /b", scope: "global" },
  async (_, { step }) => Response.json(await step("a", () => 1)),
);
leased satisfies Route;
alone satisfies Fetch;

const createArg = () => ({ params: Promise.resolve({ id: "1" }) });
httpCompleter({ idempotency, handlers: [alone] });
httpCompleter({ idempotency, handlers: [alone, leased], createArg });
// @ts-expect-error The argument of a handler is missing.
httpCompleter({ idempotency, handlers: [alone, leased] });
// @ts-expect-error The argument is another's.
httpCompleter({ idempotency, handlers: [leased], createArg: () => ({ params: 5 }) });
// @ts-expect-error A completer resumes leased handlers only.
httpCompleter({ idempotency, handlers: [plain] });
const options = { idempotency, mode: "lease", operation: "POST /c", scope: "global" } as const;
// @ts-expect-error There is no transaction around a leased handler.
withIdempotency(options, async (_, { tx }) => Response.json(tx));
// @ts-expect-error A completer has no request to make the name of.
withIdempotency({ ...options, operation: () => "c" }, () => new Response());
// @ts-expect-error Without steps, the handler gets the request itself.
withIdempotency({ idempotency, scope: "global", requestHeaders: ["a"] }, () => new Response());
