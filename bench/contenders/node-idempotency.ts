import { Idempotency } from "@node-idempotency/core";
import { RedisStorageAdapter } from "@node-idempotency/storage-adapter-redis";
import type { Placed } from "../shop.ts";
import { type Contender, placeAlone, REDIS_PREFIX } from "./contender.ts";

/** Redis remembers the response; the handler commits on its own. Duplicates in flight are refused, as by default. */
export const nodeIdempotency: Contender = {
  name: "node-idempotency",
  title: "node-idempotency, Redis",
  replays: true,
  needs: "redis",
  databases: "all",
  async open({ prisma, redis }) {
    const storage = new RedisStorageAdapter({ url: redis ?? "" });
    await storage.connect();
    const idempotency = new Idempotency(storage, { cacheKeyPrefix: REDIS_PREFIX });
    return {
      async run(key, work) {
        const request = {
          headers: { "Idempotency-Key": key },
          path: "/orders",
          method: "POST",
          body: { item: "book", quantity: 2 },
        };
        const stored = await idempotency.onRequest<Placed, unknown>(request);
        if (stored?.body !== undefined) return stored.body;
        const body = await placeAlone(prisma, key, work);
        await idempotency.onResponse(request, { body });
        return body;
      },
      [Symbol.asyncDispose]: () => storage.disconnect(),
    };
  },
};
