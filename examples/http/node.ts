import { createServer } from "node:http";
import { changeAccount, putAccount, readAccount } from "./accounts.ts";
import { adapterOf } from "./adapter.ts";
import { createCharge } from "./charges.ts";

const handlers: Record<string, (request: Request) => Promise<Response>> = {
  "POST charges": createCharge,
  "GET accounts": readAccount,
  "PATCH accounts": changeAccount,
  "PUT accounts": putAccount,
};

const adapter = adapterOf(async (request: Request) => {
  const handler = handlers[`${request.method} ${new URL(request.url).pathname.split("/")[1]}`];
  return handler?.(request) ?? new Response(null, { status: 404 });
});

export const start = (port: number) =>
  createServer((...call) => void adapter(...call)).listen(port, "127.0.0.1");
