import { IdempotencyConfig, makeIdempotent } from "@aws-lambda-powertools/idempotency";
import { CachePersistenceLayer } from "@aws-lambda-powertools/idempotency/cache";
import { createClient } from "@redis/client";
import { HookedWorks, type Placed, type WorkName } from "../shop.ts";
import { type Contender, placeAlone, REDIS_PREFIX } from "./contender.ts";

/** As Lambda says how long a function may still run: without it a crash leaves the key locked for an hour. */
const TIMEOUT_MS = 3_000;

export const powertools: Contender = {
  name: "powertools",
  title: "Powertools, Redis",
  replays: true,
  needs: "redis",
  databases: "all",
  async open({ prisma, redis }) {
    const client = await createClient({ url: redis ?? "" }).connect();
    const persistenceStore = new CachePersistenceLayer({ client });
    type Context = NonNullable<ConstructorParameters<typeof IdempotencyConfig>[0]["lambdaContext"]>;
    const lambdaContext = { getRemainingTimeInMillis: () => TIMEOUT_MS } as Context;
    const config = new IdempotencyConfig({ lambdaContext });
    const works = new HookedWorks();
    const placeOrder = makeIdempotent(
      async ({ key, work }: { readonly key: string; readonly work: WorkName }): Promise<Placed> =>
        placeAlone(prisma, key, works.of(key, work)),
      { persistenceStore, config, keyPrefix: REDIS_PREFIX },
    );
    return {
      run(key, work) {
        works.keep(key, work);
        return placeOrder({ key, work: work.name });
      },
      [Symbol.asyncDispose]: async () => client.destroy(),
    };
  },
};
