/** The application. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createServerAdapter } from "@whatwg-node/server";
import { asMessage } from "./app/as-message.ts";
import { asRequest } from "./app/as-request.ts";
import { idempotency } from "./app/database.ts";

const secret = process.env["WEBHOOK_SECRET"] ?? "";
// Anybody could sign with that.
if (secret === "") throw new Error("WEBHOOK_SECRET is not set: the provider's secret for its signatures");
// Without the library's models or tables it does not start.
await idempotency.check();

const endpoints = new Map([
  ["/webhooks/as-request", asRequest],
  ["/webhooks/as-message", asMessage],
]);

const adapter = createServerAdapter(async (request: Request) => {
  const endpoint = endpoints.get(new URL(request.url).pathname);
  if (endpoint === undefined) return new Response(null, { status: 404 });
  // The provider sends again what is answered so.
  return endpoint(request, secret).catch(() => new Response(null, { status: 500 }));
});

const server = createServer((...call) => void adapter(...call));
server.listen(Number(process.env["PORT"] ?? 0), "127.0.0.1", () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});

// Without its driver the server has no reason to live, however the driver ended.
process.on("disconnect", () => process.exit());
