/** A client of the application: `idempotentFetch` with its defaults, to a server in a process of its own. */
import { idempotentFetch } from "../../../src/client/index.ts";
import { spawnWorker } from "../../support/worker.ts";
import type { FromServer } from "./shop-server.ts";

export interface ShopClient extends AsyncDisposable {
  /** Places the order of a key, and returns its id. @throws any answer but a success. */
  place(key: string): Promise<string>;
}

/** Starts the server too. */
export async function openShopClient(databaseUrl: string): Promise<ShopClient> {
  const script = new URL("shop-server.ts", import.meta.url);
  const server = spawnWorker<FromServer>(script, { url: databaseUrl });
  const { origin } = await server.waitFor("listening");
  const fetch = idempotentFetch();
  return {
    async place(key) {
      const headers = { "Idempotency-Key": `"${key}"` };
      const response = await fetch(`${origin}/orders`, { method: "POST", headers });
      if (response.status !== 201) throw new Error(`${response.status}: ${await response.text()}`);
      return ((await response.json()) as { orderId: string }).orderId;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
