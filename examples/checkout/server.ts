/** The application: the page, tRPC and GraphQL Yoga, over one Prisma client. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createHTTPHandler } from "@trpc/server/adapters/standalone";
import { servePage } from "./app/page.ts";
import { appRouter, createContext } from "./app/trpc.ts";
import { yoga } from "./app/yoga.ts";

const trpc = createHTTPHandler({ router: appRouter, createContext, basePath: "/trpc/" });
const page = servePage();

const server = createServer((request, response) => {
  // A browser by itself repeats a POST whose kept connection breaks before an answer. On a connection of its own it
  // does not, so that what the page shows is the doing of the page alone.
  response.shouldKeepAlive = false;
  if (request.url?.startsWith("/trpc/")) trpc(request, response);
  else if (request.url?.startsWith("/graphql")) void yoga(request, response);
  else page(request, response);
});

// Without its supervisor the server has no reason to live, however the supervisor ended.
process.on("disconnect", () => process.exit());

server.listen(Number(process.env["PORT"] ?? 0), "127.0.0.1", () => {
  process.send?.({ listening: (server.address() as AddressInfo).port });
});
