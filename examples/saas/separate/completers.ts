import { trpcCompleter } from "onceonly/trpc";
import { callerOf } from "../scope.ts";
import { tenants } from "./tenants.ts";
import { separateRouter } from "./trpc.ts";

/** One for each database: it finds the abandoned runs of that one, and resumes them there. */
export const completers = [...tenants].map(([tenant, { idempotency }]) =>
  trpcCompleter({
    idempotency,
    router: separateRouter,
    // There is no request of a client: the scope says who asked.
    createContext: ({ scope }) => callerOf(scope),
    pollMs: 200,
    onError: (error, run) => console.error(`${tenant}, attempt ${run?.attempt}:`, error),
  }),
);
