/**
 * Somebody else's service: it charges cards, and no crash of the shop undoes that. A request with a key that it has seen gets the
 * first charge again, as with Stripe.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

export interface ChargeRequest {
  readonly cart: string;
  readonly cents: number;
}

/** A request for a charge, as the provider has noted it. */
export interface NotedRequest extends ChargeRequest {
  readonly charge: string;
  /** Whether it repeats a key: no money moves. */
  readonly isRepeated: boolean;
  readonly at: string;
}

export interface Provider {
  readonly url: string;
  readonly close: () => void;
}

export async function openProvider(): Promise<Provider> {
  let noted: NotedRequest[] = [];
  const chargeOf = new Map<string, string>();

  function note(key: string, asked: ChargeRequest): NotedRequest {
    const known = chargeOf.get(key);
    const charge = known ?? `ch_${chargeOf.size + 1}`;
    chargeOf.set(key, charge);
    const request = { ...asked, charge, isRepeated: known !== undefined, at: new Date().toISOString() };
    noted.push(request);
    return request;
  }

  async function answer(request: IncomingMessage): Promise<unknown> {
    if (request.method === "POST") {
      return note(String(request.headers["idempotency-key"]), (await json(request)) as ChargeRequest);
    }
    if (request.method === "DELETE") noted = [];
    return noted;
  }

  async function reply(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.stringify(await answer(request));
    response.writeHead(200, { "content-type": "application/json" }).end(body);
  }

  const server = createServer((request, response) => void reply(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/charges`, close: () => server.close() };
}
