/** In a Next.js application this is `app/api/trpc/[trpc]/route.ts`. */
import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { appRouter } from "../../../server/api/root.ts";
import { createTRPCContext } from "../../../server/api/trpc.ts";

export const POST = (req: Request): Promise<Response> =>
  fetchRequestHandler({
    endpoint: "/api/trpc",
    req,
    router: appRouter,
    // `info` tells which call of a batch a key belongs to; the header of a replay is set in `resHeaders`.
    createContext: ({ info, resHeaders }) => createTRPCContext({ headers: req.headers, info, resHeaders }),
  });
