import { fastify } from "fastify";
import { changeAccount, putAccount, readAccount } from "./accounts.ts";
import { adapterOf } from "./adapter.ts";
import { createCharge } from "./charges.ts";

const app = fastify();
// Fastify must not read the body: the handler does.
app.removeAllContentTypeParsers();
app.addContentTypeParser("*", (_request, _payload, done) => done(null));

const routes = [
  ["POST", "/charges", createCharge],
  ["GET", "/accounts/:id", readAccount],
  ["PATCH", "/accounts/:id", changeAccount],
  ["PUT", "/accounts/:id", putAccount],
] as const;
for (const [method, url, handler] of routes) {
  const adapter = adapterOf(handler);
  app.route({
    method,
    url,
    handler: async (request, reply) => {
      reply.hijack();
      await adapter(request.raw, reply.raw);
    },
  });
}

export function start(port: number) {
  void app.listen({ port, host: "127.0.0.1" });
  return app.server;
}
