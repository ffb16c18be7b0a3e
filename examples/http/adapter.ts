import { createServerAdapter, useErrorHandling } from "@whatwg-node/server";

/**
 * A handler in the manner of `fetch` for the servers that are not. Without `useErrorHandling` the client would read the
 * stack of an unexpected error.
 */
export const adapterOf = (handler: (request: Request) => Promise<Response>) =>
  createServerAdapter(handler, { plugins: [useErrorHandling()] });
