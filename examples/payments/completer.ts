/** A process of its own, beside the servers: finishes the orders that they have left half-done. */
import { trpcCompleter } from "onceonly/trpc";
import { idempotency } from "./app/idempotency.ts";
import { appRouter } from "./app/trpc.ts";

trpcCompleter({
  idempotency,
  router: appRouter,
  // There is no request: the scope says whose order it is.
  createContext: ({ scope }) => ({ user: { id: scope } }),
  pollMs: 200,
  backoffMs: 100,
  onError: (error, run) => {
    const { message } = error as Error;
    process.send?.({
      failed: run === undefined ? message : `${run.scope}, attempt ${run.attempt}: ${message}`,
    });
  },
}).start();

process.send?.({ port: 0 });
process.on("disconnect", () => process.exit());
