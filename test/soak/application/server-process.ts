/** A process of the application: tRPC, GraphQL Yoga and HTTP at one port, and a consumer of messages. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parentPort } from "../../support/worker.ts";
import { type ApplicationData, openApplication } from "./application.ts";
import { httpOf } from "./http.ts";
import { consumeFrom } from "./messages.ts";
import { trpcOf } from "./trpc.ts";
import { yogaOf } from "./yoga.ts";

export interface ServerData extends ApplicationData {
  readonly messages: { readonly rabbit: string; readonly queue: string } | undefined;
}

export type FromServer = { type: "listening"; port: number };

const parent = await parentPort<ServerData, FromServer>();
const application = await openApplication(parent.data);
const trpc = trpcOf(application);
const yoga = yogaOf(application);
const http = httpOf(application);

const server = createServer((request, response) => {
  if (request.url?.startsWith("/trpc/")) trpc.handle(request, response);
  else if (request.url?.startsWith("/graphql")) void yoga(request, response);
  else void http(request, response);
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
trpc.completer.start();
const { messages } = parent.data;
if (messages !== undefined) await consumeFrom(messages.rabbit, messages.queue, application);
parent.send({ type: "listening", port: (server.address() as AddressInfo).port });
