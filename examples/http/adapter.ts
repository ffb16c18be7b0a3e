import { createServerAdapter, useErrorHandling } from "@whatwg-node/server";

/**
 * Adapts a handler in the style of `fetch` to servers that have another style. Without `useErrorHandling`, the client
 * would see the stack of an unexpected error.
 */
export const adapterOf = (handler: (request: Request) => Promise<Response>) =>
  createServerAdapter(handler, { plugins: [useErrorHandling()] });
