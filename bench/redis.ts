import { createClient } from "@redis/client";
import { REDIS_PREFIX } from "./contenders/contender.ts";

/** Removes what the contenders have left, and nothing else. */
export async function forgetInRedis(url: string): Promise<void> {
  const client = await createClient({ url }).connect();
  for await (const keys of client.scanIterator({ MATCH: `${REDIS_PREFIX}*`, COUNT: 1_000 })) {
    if (keys.length > 0) await client.del(keys);
  }
  client.destroy();
}
