/** The application: an Express server, and beside it a completer of what an earlier one has left half-done. */
import type { AddressInfo } from "node:net";
import { createServerAdapter, useErrorHandling } from "@whatwg-node/server";
import express from "express";
import { httpCompleter } from "onceonly/http";
import { idempotency, prisma } from "./app/idempotency.ts";
import { type Caller, createPayment } from "./app/payments.ts";

// Without useErrorHandling, the client would see the stack of an unexpected error.
const payments = createServerAdapter<Caller>((request, caller) => createPayment(request, caller), {
  plugins: [useErrorHandling()],
});

const app = express();
app.post("/payments", (req, res) => {
  // Stands in for the application's own authentication.
  const id = req.get("x-user");
  return id === undefined ? res.sendStatus(401) : payments(req, res, { user: { id } });
});

// Without the library's models or tables it does not start.
await idempotency.check();
const server = app.listen(Number(process.env["PORT"] ?? 0), "127.0.0.1", () => {
  process.send?.({ type: "listening", port: (server.address() as AddressInfo).port });
});

const completer = httpCompleter({
  idempotency,
  handlers: [createPayment],
  // There is no request of a client: the scope says who pays.
  createArg: ({ scope }) => ({ user: { id: scope } }),
  pollMs: 200,
  backoffMs: 100,
  onError: (error, run) => {
    const who = run === undefined ? "" : `${run.scope}, attempt ${run.attempt}: `;
    process.send?.({ type: "failed", text: `${who}${(error as Error).message}` });
  },
});
completer.start();

process.once("SIGTERM", () => void stop());

async function stop(): Promise<void> {
  // No more connections; the requests under way are answered. Otherwise a client that always has another request would keep
  // its connection, and the server, for ever.
  server.prependListener("request", (_request, response) => response.setHeader("Connection", "close"));
  const closed = new Promise((resolve) => server.close(resolve));
  // No more runs; those under way have ten seconds, and are aborted then.
  await completer.stop({ timeoutMs: 10_000 });
  await closed;
  // Last, as requests and runs need the database. Now nothing is left, and the process ends by itself.
  await prisma.$disconnect();
}

// Without its driver the server has no reason to live, however the driver ended. That alone does not keep the process alive.
process.on("disconnect", () => process.exit());
process.channel?.unref();
