/**
 * Somebody else's payment service, as Stripe is one: whoever posts a payment to it has events sent to the endpoints that are
 * registered. It sends an event at least once, and often more than once: until it has heard a 2xx, and sometimes twice at a
 * time. Each delivery differs from the one before: its number, its time, and so its signature.
 */
import { createHmac, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import type { PaymentEvent } from "./app/credit.ts";

/** How long until an event is sent again, in milliseconds. Stripe waits for hours in the end. */
const REDELIVERED_AFTER_MS = 500;
/** The answer to every so many is lost on its way. */
const LOST_EACH = 3;

export interface Provider extends AsyncDisposable {
  readonly url: string;
  readonly secret: string;
  /** Of all deliveries: the status, or why there is none. */
  readonly answers: (number | "lost" | "no answer")[];
  /** Called after each answer. */
  onAnswer: () => void;
  /** Has all later events sent there too. */
  register(endpoint: string): void;
  /** Resolves when the provider has heard a 2xx for every event. */
  delivered(): Promise<void>;
}

export async function openProvider(): Promise<Provider> {
  const secret = `whsec_${randomUUID()}`;
  const endpoints = new Set<string>();
  const answers: Provider["answers"] = [];
  const underWay: Promise<void>[] = [];
  let count = 0;

  async function deliver(endpoint: string, event: Omit<PaymentEvent, "delivery">, attempt: number) {
    count += 1;
    const isLost = count % LOST_EACH === 0;
    const body = JSON.stringify({ ...event, delivery: { attempt, sentAt: new Date().toISOString() } });
    const headers = { "content-type": "application/json", "webhook-signature": signatureOf(body, secret) };
    const status = await fetch(endpoint, { method: "POST", headers, body }).then(
      (response) => response.status,
      () => "no answer" as const,
    );
    const answer = isLost && status !== "no answer" ? "lost" : status;
    answers.push(answer);
    provider.onAnswer();
    return typeof answer === "number" && answer < 300;
  }

  async function send(endpoint: string, event: Omit<PaymentEvent, "delivery">): Promise<void> {
    // Two of the provider's own processes have taken the event from its queue.
    let heard: boolean[] = await Promise.all([deliver(endpoint, event, 1), deliver(endpoint, event, 1)]);
    for (let attempt = 2; !heard.some(Boolean); attempt += 1) {
      await sleep(REDELIVERED_AFTER_MS);
      heard = [await deliver(endpoint, event, attempt)];
    }
  }

  function pay(customer: string, cents: number): PaymentEvent["data"] {
    const data = { payment: `pay_${randomUUID().slice(0, 8)}`, customer, cents };
    const event = { id: `evt_${randomUUID()}`, type: "payment.succeeded", data };
    underWay.push(...[...endpoints].map((endpoint) => send(endpoint, event)));
    return data;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== "POST" || request.url !== "/payments") return reply(response, 404, {});
    const { customer, cents } = (await json(request)) as { customer: string; cents: number };
    reply(response, 201, pay(customer, cents));
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const provider: Provider = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    secret,
    answers,
    onAnswer: () => {},
    register: (endpoint) => void endpoints.add(endpoint),
    delivered: async () => void (await Promise.all(underWay)),
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return provider;
}

/** `t=1760000000,v1=5257a8...`: the time, and the HMAC of time and body. */
function signatureOf(body: string, secret: string): string {
  const t = Math.floor(Date.now() / 1000);
  return `t=${t},v1=${createHmac("sha256", secret).update(`${t}.${body}`).digest("hex")}`;
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}
