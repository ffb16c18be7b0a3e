import { trpcCompleter } from "onceonly/trpc";
import { tenants } from "./tenants.ts";
import { separateRouter } from "./trpc.ts";

/** One for each database: it finds the abandoned runs of that one, and resumes them there. */
export const completers = [...tenants].map(([tenant, { idempotency }]) =>
  trpcCompleter({
    idempotency,
    router: separateRouter,
    createContext: () => ({ tenant }),
    pollMs: 200,
    onError: (error, run) => console.error(`${tenant}, attempt ${run?.attempt}:`, error),
  }),
);
