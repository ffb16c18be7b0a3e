import Keyv from "keyv";
import { recordId } from "../../src/core/request/identity.ts";
import { createIdempotency, type ReplayCache, type RunOptions } from "../../src/index.ts";
import type { TestClient } from "../support/clients.ts";
import { eventually } from "../support/eventually.ts";

/** A Keyv as one process has it; all of one `store` hold the same. */
export const keyvOver = (store: Map<string, unknown>) => new Keyv({ store, namespace: "shop" });

export const cachedOver = (prisma: TestClient, replayCache: ReplayCache, options: RunOptions = {}) =>
  createIdempotency({ prisma, replayCache, storeError: () => true, ...options });

/** Under which key the outcome of a run is kept, as the guide says it. */
export const cacheKeyOf = (key: string, { scope = "u", operation = "orders.place" } = {}) =>
  `onceonly:shop:${recordId({ scope, operation, key })}`;

/** Waits until the outcome of the key is there: nobody waits for its write. */
export async function kept(cache: ReplayCache, key: string): Promise<string> {
  let found: unknown;
  await eventually(async () => {
    found = await cache.get(cacheKeyOf(key));
    if (found === undefined) throw new Error(`the cache has nothing of the key ${key}`);
  }, 5);
  return String(found);
}

/** A cache that does as it is told, and counts what it is asked. */
export function cacheThat(does: Partial<Pick<ReplayCache, "get" | "set">>) {
  const asked = { gets: 0, sets: 0, ttls: [] as number[] };
  const cache: ReplayCache = {
    namespace: "shop",
    get(key) {
      asked.gets += 1;
      return does.get?.(key) ?? Promise.resolve(undefined);
    },
    set(key, value, ttlMs) {
      asked.sets += 1;
      asked.ttls.push(ttlMs);
      return does.set?.(key, value, ttlMs) ?? Promise.resolve(true);
    },
    delete: () => Promise.resolve(true),
  };
  return Object.assign(asked, { cache });
}
