/** The application: tRPC and GraphQL Yoga side by side, over one Prisma client. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createHTTPHandler } from "@trpc/server/adapters/standalone";
import { listenToDriver, tellDriver } from "./app/pause.ts";
import { appRouter, createContext } from "./app/trpc.ts";
import { yoga } from "./app/yoga.ts";

const trpc = createHTTPHandler({ router: appRouter, createContext, basePath: "/trpc/" });

const server = createServer((request, response) => {
  if (request.url?.startsWith("/trpc/")) trpc(request, response);
  else void yoga(request, response);
});

listenToDriver();
server.listen(Number(process.env["PORT"] ?? 0), "127.0.0.1", () => {
  tellDriver({ listening: (server.address() as AddressInfo).port });
});
