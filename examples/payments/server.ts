/** The application: a tRPC server. */
import type { AddressInfo } from "node:net";
import { createHTTPServer } from "@trpc/server/adapters/standalone";
import { appRouter, createContext } from "./app/trpc.ts";

const server = createHTTPServer({ router: appRouter, createContext });

server.listen(0, "127.0.0.1", () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});

// Without its driver the server has no reason to live, however the driver ended.
process.on("disconnect", () => process.exit());
